package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.CodePatcher;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.stub.StubAddressSpace;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubFactory;
import dev.caisson.stub.StubProcess;

/** A stub process as an address space; its control thread makes all changes, and all processes and threads. */
final class SystrapAddressSpace extends StubAddressSpace {
    /** Where to try, from a site: libraries lie below a large hole as a rule. The first is the one that {@link SiteKind#CLEAR_EAX} needs. */
    private static final long[] DISTANCES = {0x4880_0000L, 0x6000_0000L, -0x4000_0000L, -0x6000_0000L};
    private static final int READ_EXEC = 5;
    private static final int MAP_SHARED_FIXED = 0x11;
    private static final int MAP_SHARED_NOREPLACE = 0x10_0001;

    private final ProcessSlots slots;
    /** Null when sites are not rewritten. */
    private final TrampolineFile trampolineFile;
    private volatile SiteRewriter rewriter;
    /** Guarded by this. */
    private boolean hasNoPlace;

    SystrapAddressSpace(StubFactory factory, StubFactory.Zygote zygote, StubProcess process, TrampolineFile trampolineFile) {
        super(factory, zygote, process, false);
        this.trampolineFile = trampolineFile;
        slots = (ProcessSlots) process.attachment();
    }

    /** A slot for a task that is about to run here. */
    Slot takeSlot() throws ErrnoException {
        enter();
        try {
            return slots.take(process);
        } catch (ErrnoException e) {
            leave();
            throw e;
        }
    }

    /** The task has left; the table knows its slot under a base of fs. */
    void giveBack(Slot slot, long claimed) {
        leave();
        slots.giveBack(slot, claimed);
    }

    /** The signal of withdrawal reaches every thread, whatever guest code did. */
    @Override
    protected boolean recycles() {
        return true;
    }

    SlotTable table() {
        return slots.table();
    }

    /** {@return what rewrites sites, or null} */
    SiteRewriter rewriter() {
        return rewriter;
    }

    /** {@return where rewritten sites jump to, or null} */
    Trampolines trampolines() {
        return slots.trampolines();
    }

    /**
     * Finds or makes trampolines.
     *
     * @param site a site that should reach them
     * @return them, or null when there is no place
     */
    synchronized Trampolines makeTrampolines(long site) {
        Trampolines own = slots.trampolines();
        if (own != null || hasNoPlace) {
            return own;
        }
        int piece = trampolineFile.allocate();
        for (int i = 0; piece >= 0 && i < DISTANCES.length; i++) {
            long base = (site & -Trampolines.BYTES) + DISTANCES[i];
            if (base <= 0 || base > StubCode.ADDRESS_LIMIT - Trampolines.BYTES) {
                continue;
            }
            Trampolines made = new Trampolines(trampolineFile, piece, base);
            if (process.order(StubCode.QUIET, SyscallNumber.MMAP, base, Trampolines.BYTES, READ_EXEC, MAP_SHARED_NOREPLACE,
                StubCode.FIRST_EXTRA_FD + 1, TrampolineFile.offset(piece)) >= 0) {
                slots.trampolines(made);
                return made;
            }
        }
        if (piece >= 0) {
            trampolineFile.free(piece);
        }
        hasNoPlace = true;
        return null;
    }

    /** A guest that maps just where we have put trampolines is told that there is no memory. */
    @Override
    public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) throws ErrnoException {
        checkPlace(address, lengthBytes);
        super.map(address, lengthBytes, fileOffset, protection, populate);
    }

    @Override
    public void mapLater(long address, long lengthBytes, long fileOffset, int protection) throws ErrnoException {
        checkPlace(address, lengthBytes);
        super.mapLater(address, lengthBytes, fileOffset, protection);
    }

    private void checkPlace(long address, long lengthBytes) throws ErrnoException {
        Trampolines own = slots.trampolines();
        if (own != null && address < own.base() + Trampolines.BYTES && address + lengthBytes > own.base()) {
            throw Errno.ENOMEM.error("trampolines are there");
        }
    }

    @Override
    public void unmap(long address, long lengthBytes) {
        Trampolines own = slots.trampolines();
        long from = own == null ? 0 : own.base();
        long to = from + Trampolines.BYTES;
        long end = address + lengthBytes;
        if (own == null || address >= to || end <= from) {
            super.unmap(address, lengthBytes);
            return;
        }
        if (address < from) {
            super.unmap(address, from - address);
        }
        if (end > to) {
            super.unmap(to, end - to);
        }
    }

    @Override
    public void protect(long address, long lengthBytes, int protection) throws ErrnoException {
        Trampolines own = slots.trampolines();
        long from = own == null ? 0 : own.base();
        long to = from + Trampolines.BYTES;
        long end = address + lengthBytes;
        if (own == null || address >= to || end <= from) {
            super.protect(address, lengthBytes, protection);
            return;
        }
        if (address < from) {
            super.protect(address, from - address, protection);
        }
        if (end > to) {
            super.protect(to, end - to, protection);
        }
    }

    @Override
    public void codePatcher(CodePatcher patcher) {
        if (trampolineFile != null) {
            rewriter = new SiteRewriter(this, patcher);
        }
    }

    @Override
    public void restoreCode() {
        SiteRewriter current = rewriter;
        if (current != null) {
            current.undo();
        }
    }

    /** Ends the process: it does not answer. */
    void kill() {
        factory.end(process);
    }

    @Override
    public AddressSpace fork(GuestContext current) throws ErrnoException {
        settle();
        StubProcess child = factory.fork(process);
        factory.retain(zygote);
        SystrapAddressSpace copy = new SystrapAddressSpace(factory, zygote, child, trampolineFile);
        copy.share(slots.trampolines());
        return copy;
    }

    private void share(Trampolines inherited) {
        if (inherited != null) {
            inherited.retain();
            slots.trampolines(inherited);
        }
    }

    @Override
    public void inheritCode(AddressSpace parent) {
        Trampolines inherited = ((SystrapAddressSpace) parent).slots.trampolines();
        if (inherited != null) {
            change(SyscallNumber.MMAP, inherited.base(), Trampolines.BYTES, READ_EXEC, MAP_SHARED_FIXED,
                StubCode.FIRST_EXTRA_FD + 1, TrampolineFile.offset(inherited.piece()));
            share(inherited);
        }
    }

    @Override
    public void prepareContext(GuestContext current) throws ErrnoException {
        slots.stock(process);
    }
}
