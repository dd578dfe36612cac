package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mman;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.GuestContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Page tables as an address space. */
final class KvmAddressSpace implements AddressSpace {
    private static final int PAGE = 4096;

    private final KvmPlatform platform;
    private final Machine machine;
    private final PageTables tables;
    private final long root;
    /** By number of the processor; replaced under the lock of this. */
    private volatile Slot[] slots = {};
    private final List<Long> slotPages = new ArrayList<>();
    private boolean closed;

    /**
     * Makes an empty space.
     *
     * @param platform the platform, which has counted it
     * @param machine where it lives
     * @throws ErrnoException ENOMEM
     */
    KvmAddressSpace(KvmPlatform platform, Machine machine) throws ErrnoException {
        this.platform = platform;
        this.machine = machine;
        tables = machine.newTables();
        root = tables.root();
    }

    Machine machine() {
        return machine;
    }

    PageTables tables() {
        return tables;
    }

    /** {@return what CR3 holds in this space} */
    long root() {
        return root;
    }

    /**
     * The slot of a processor in this space, made when first wanted.
     *
     * @param processor its number
     * @return the slot
     * @throws ErrnoException ENOMEM
     */
    Slot slot(int processor) throws ErrnoException {
        Slot[] all = slots;
        return processor < all.length && all[processor] != null ? all[processor] : addSlot(processor);
    }

    private synchronized Slot addSlot(int processor) throws ErrnoException {
        long page = machine.supervisor().addSlot(tables, processor);
        slotPages.add(page);
        Slot[] all = Arrays.copyOf(slots, Math.max(slots.length, processor + 1));
        all[processor] = new Slot(machine.tables().memory().asSlice(page, PAGE));
        slots = all;
        return all[processor];
    }

    @Override
    public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) throws ErrnoException {
        check(address, lengthBytes);
        try {
            machine.frames().require(fileOffset, lengthBytes);
        } catch (ErrnoException e) {
            tables.unmap(address, lengthBytes);
            throw e;
        }
        // Pages are entered by KVM, eight at a time, when the guest touches them; there is nothing to do for populate.
        tables.map(address, lengthBytes, fileOffset, protection);
    }

    @Override
    public void unmap(long address, long lengthBytes) {
        check(address, lengthBytes);
        tables.unmap(address, lengthBytes);
    }

    @Override
    public void protect(long address, long lengthBytes, int protection) {
        check(address, lengthBytes);
        if (protection == Mman.PROT_NONE) {
            tables.unmap(address, lengthBytes);
        } else {
            tables.protect(address, lengthBytes, protection);
        }
    }

    @Override
    public AddressSpace fork(GuestContext current) throws ErrnoException {
        KvmAddressSpace child = platform.newAddressSpace(machine);
        try {
            tables.copyTo(child.tables, KvmPlatform.ADDRESS_LIMIT);
        } catch (ErrnoException e) {
            child.close();
            throw e;
        }
        return child;
    }

    @Override
    public void prepareContext(GuestContext current) {
        // a processor is taken when it is wanted
    }

    /** {@return the byte at a guest address as the tables have it, or -1} */
    int byteAt(long address) {
        long offset = address < 0 || address >= KvmPlatform.ADDRESS_LIMIT ? -1 : tables.offset(address);
        return offset < 0 ? -1 : machine.frames().memory().get(Layouts.U8, offset) & 0xff;
    }

    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        machine.processors().leave(this);
        tables.close();
        slotPages.forEach(machine.tables()::release);
        platform.released(machine);
    }

    private static void check(long address, long lengthBytes) {
        if (lengthBytes <= 0 || address < 0 || address > KvmPlatform.ADDRESS_LIMIT - lengthBytes
            || ((address | lengthBytes) & 0xfff) != 0) {
            throw new IllegalArgumentException("range " + Long.toHexString(address) + "+" + Long.toHexString(lengthBytes));
        }
    }
}
