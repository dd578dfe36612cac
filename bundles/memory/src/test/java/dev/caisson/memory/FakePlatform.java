package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.CodePatcher;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.EnumSet;
import java.util.Set;
import java.util.TreeMap;

/** A platform whose processor is the test: mappings are a map, loads and stores go through it and fault as the real one would. */
final class FakePlatform implements Platform {
    private final EnumSet<Capability> capabilities;
    int maps;
    int protects;
    int unmaps;

    FakePlatform(Capability... capabilities) {
        this.capabilities = EnumSet.noneOf(Capability.class);
        this.capabilities.addAll(Set.of(capabilities));
    }

    @Override
    public String name() {
        return "fake";
    }

    @Override
    public Set<Capability> capabilities() {
        return capabilities;
    }

    @Override
    public long addressLimit() {
        return 0x7fff_ff00_0000L;
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) {
        return new Space();
    }

    @Override
    public GuestContext newContext() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}

    /** A page of the memory file with rights. */
    record Entry(long offset, int protection) {}

    /** The mirror. */
    final class Space implements AddressSpace {
        final TreeMap<Long, Entry> pages = new TreeMap<>();
        boolean closed;
        CodePatcher patcher;
        Runnable onRestore = () -> { };

        @Override
        public void codePatcher(CodePatcher own) {
            patcher = own;
        }

        @Override
        public void restoreCode() {
            onRestore.run();
        }

        @Override
        public synchronized void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) {
            check(address, lengthBytes);
            maps++;
            for (long at = 0; at < lengthBytes; at += Pages.SIZE) {
                pages.put(address + at >>> Pages.SHIFT, new Entry(fileOffset + at, protection));
            }
        }

        private void check(long address, long lengthBytes) {
            if (closed || !Pages.isAligned(address) || !Pages.isAligned(lengthBytes) || lengthBytes <= 0) {
                throw new AssertionError("bad call of the platform");
            }
        }

        @Override
        public synchronized void unmap(long address, long lengthBytes) {
            check(address, lengthBytes);
            unmaps++;
            pages.subMap(address >>> Pages.SHIFT, address + lengthBytes >>> Pages.SHIFT).clear();
        }

        @Override
        public synchronized void protect(long address, long lengthBytes, int protection) {
            check(address, lengthBytes);
            protects++;
            if (pages.subMap(address >>> Pages.SHIFT, address + lengthBytes >>> Pages.SHIFT).size() != lengthBytes / Pages.SIZE) {
                throw new AssertionError("a range with gaps costs platforms more than one step");
            }
            pages.subMap(address >>> Pages.SHIFT, address + lengthBytes >>> Pages.SHIFT)
                    .replaceAll((page, entry) -> new Entry(entry.offset, protection));
        }

        @Override
        public synchronized AddressSpace fork(GuestContext current) {
            Space child = new Space();
            if (capabilities.contains(Capability.INHERITS_MAPPINGS)) {
                child.pages.putAll(pages);
            }
            return child;
        }

        @Override
        public void prepareContext(GuestContext current) {}

        @Override
        public synchronized void close() {
            closed = true;
            pages.clear();
        }
    }

    /** A guest thread: one byte at a time. */
    final class Guest {
        final MemoryManager memory;

        Guest(MemoryManager memory) {
            this.memory = memory;
        }

        /** The byte, or the outcome of the fault as a negative number: -1 - ordinal. */
        int load(long address) throws ErrnoException {
            return access(address, AccessType.READ, (byte) 0);
        }

        int store(long address, byte value) throws ErrnoException {
            return access(address, AccessType.WRITE, value);
        }

        private int access(long address, AccessType type, byte value) throws ErrnoException {
            for (int attempt = 0; attempt < 8; attempt++) {
                Space space = (Space) memory.space();
                Entry entry = space.pages.get(address >>> Pages.SHIFT);
                boolean allowed = entry != null
                        && (type == AccessType.WRITE ? (entry.protection & 2) != 0 : entry.protection != 0);
                if (allowed) {
                    long at = entry.offset + (address & Pages.MASK);
                    if (type == AccessType.WRITE) {
                        memory.memoryFile().segment().set(dev.caisson.abi.Layouts.U8, at, value);
                        return 0;
                    }
                    return memory.memoryFile().segment().get(dev.caisson.abi.Layouts.U8, at) & 0xff;
                }
                AccessType told = capabilities.contains(Capability.EXACT_ACCESS_TYPE) ? type : AccessType.UNKNOWN;
                FaultOutcome outcome = memory.handleFault(address, told, entry != null);
                if (outcome != FaultOutcome.RESOLVED) {
                    return -1 - outcome.ordinal();
                }
            }
            throw new AssertionError("the fault was resolved eight times: " + Long.toHexString(address));
        }
    }

    /** A context that does nothing; fork wants one. */
    static GuestContext idleContext() {
        return (GuestContext) java.lang.reflect.Proxy.newProxyInstance(FakePlatform.class.getClassLoader(),
                new Class<?>[] {GuestContext.class}, (proxy, method, args) -> null);
    }
}
