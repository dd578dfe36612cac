package dev.caisson.testing.bench;

import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/** A platform without guest code: what a guest would do comes from Java, so the time that passes is the kernel's alone. */
public final class NullPlatform implements Platform {
    private static final long ADDRESS_LIMIT = 0x7fff_0000_0000L;

    private final Queue<Consumer<Guest>> programs = new ConcurrentLinkedQueue<>();

    /**
     * Names the program of the next task that runs.
     *
     * @param program the program
     */
    public void expect(Consumer<Guest> program) {
        programs.add(program);
    }

    @Override
    public String name() {
        return "null";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of();
    }

    @Override
    public long addressLimit() {
        return ADDRESS_LIMIT;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) {
        return new Space();
    }

    @Override
    public GuestContext newContext() {
        return new Guest(this, programs.remove());
    }

    @Override
    public void close() {}

    /** Maps nothing. */
    private static final class Space implements AddressSpace {
        @Override
        public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) {}

        @Override
        public void unmap(long address, long lengthBytes) {}

        @Override
        public void protect(long address, long lengthBytes, int protection) {}

        @Override
        public AddressSpace fork(GuestContext current) {
            return new Space();
        }

        @Override
        public void prepareContext(GuestContext current) {}

        @Override
        public void close() {}
    }
}
