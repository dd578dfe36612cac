package dev.caisson.kernel.futex;

import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Set;

/** A platform that runs nothing: enough for the kernel's own accesses to guest memory. */
final class InertPlatform implements Platform {
    @Override
    public String name() {
        return "inert";
    }

    @Override
    public Set<Capability> capabilities() {
        return Set.of();
    }

    @Override
    public long addressLimit() {
        return 0x7fff_0000_0000L;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) {
        return new AddressSpace() {
            @Override
            public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) {}

            @Override
            public void unmap(long address, long lengthBytes) {}

            @Override
            public void protect(long address, long lengthBytes, int protection) {}

            @Override
            public AddressSpace fork(GuestContext current) {
                return newAddressSpace(memoryFile);
            }

            @Override
            public void prepareContext(GuestContext current) {}

            @Override
            public void close() {}
        };
    }

    @Override
    public GuestContext newContext() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
