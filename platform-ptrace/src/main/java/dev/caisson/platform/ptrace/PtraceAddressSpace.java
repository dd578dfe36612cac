package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.GuestContext;

/**
 * A stub process as an address space. Its control thread changes it; when that has work already, a task that is stopped in the
 * space goes through its own stub thread.
 */
final class PtraceAddressSpace implements AddressSpace {
    private final StubFactory factory;
    private final StubFactory.Zygote zygote;
    private final StubProcess process;
    private boolean closed;

    PtraceAddressSpace(StubFactory factory, StubFactory.Zygote zygote, StubProcess process) {
        this.factory = factory;
        this.zygote = zygote;
        this.process = process;
    }

    StubProcess process() {
        return process;
    }

    @Override
    public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) throws ErrnoException {
        check(address, lengthBytes);
        int flags = Mman.MAP_SHARED | Mman.MAP_FIXED | (populate ? Mman.MAP_POPULATE : 0);
        long result = call(SyscallNumber.MMAP, address, lengthBytes, rights(protection), flags, StubCode.MEMORY_FD, fileOffset);
        if (result < 0 && result >= -4095) { // the control thread tells only the low half of an address
            unmap(address, lengthBytes);
            throw Errno.ENOMEM.error("host mmap");
        }
    }

    @Override
    public void unmap(long address, long lengthBytes) {
        check(address, lengthBytes);
        long result = call(SyscallNumber.MUNMAP, address, lengthBytes, 0, 0, 0, 0);
        if (result < 0 && !process.isDead()) {
            unmapForSure(address, lengthBytes, result);
        }
    }

    /** munmap(2) fails when it would split a mapping beyond the host's limit of mappings; then the guest cannot go on. */
    private void unmapForSure(long address, long lengthBytes, long result) {
        if (result != -Errno.ESRCH.number()) {
            long again = call(SyscallNumber.MPROTECT, address, lengthBytes, Mman.PROT_NONE, 0, 0, 0);
            if (again == 0) {
                return;
            }
        }
        factory.end(process); // nobody may keep using what was taken away
    }

    @Override
    public void protect(long address, long lengthBytes, int protection) throws ErrnoException {
        check(address, lengthBytes);
        if (protection == Mman.PROT_NONE) {
            unmap(address, lengthBytes); // every mapping of ours can be read; see PtraceContext.pageFault
            return;
        }
        long result = call(SyscallNumber.MPROTECT, address, lengthBytes, rights(protection), 0, 0, 0);
        // ENOMEM also says that parts are not mapped. Linux changes what lies before the first gap and then gives up.
        if (result == -Errno.ENOMEM.number()) {
            unmap(address, lengthBytes);
        } else if (result < 0) {
            unmap(address, lengthBytes);
            throw Errno.ENOMEM.error("host mprotect");
        }
    }

    @Override
    public AddressSpace fork(GuestContext current) throws ErrnoException {
        StubThread caller = ((PtraceContext) current).threadIn(this);
        StubProcess child = caller != null ? factory.fork(caller) : factory.fork(process);
        factory.retain(zygote);
        return new PtraceAddressSpace(factory, zygote, child);
    }

    @Override
    public void prepareContext(GuestContext current) throws ErrnoException {
        StubThread caller = ((PtraceContext) current).threadIn(this);
        if (caller == null) {
            return; // the control thread makes one when it is wanted
        }
        long result = caller.injectClone(StubProcess.THREAD_FLAGS, StubCode.NEW_THREAD, 0);
        process.addParked((int) Errno.check(result));
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            factory.end(process);
            factory.release(zygote);
        }
    }

    private long call(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        StubThread own = PtraceContext.threadOfCaller(this);
        if (own == null) {
            return process.order(StubCode.PLAIN, number, a1, a2, a3, a4, a5, a6);
        }
        // A futex wakes a thread faster than ptrace does, but there is only one control thread.
        long result = process.tryOrder(number, a1, a2, a3, a4, a5, a6);
        return result != StubProcess.BUSY ? result : own.inject(number, a1, a2, a3, a4, a5, a6);
    }

    private static void check(long address, long lengthBytes) {
        if (lengthBytes <= 0 || address < 0 || address > PtracePlatform.ADDRESS_LIMIT - lengthBytes
            || ((address | lengthBytes) & 0xfff) != 0) {
            throw new IllegalArgumentException("range " + Long.toHexString(address) + "+" + Long.toHexString(lengthBytes));
        }
    }

    /** Execute-only memory would be a protection key to the host, whose faults look different. */
    private static int rights(int protection) {
        return protection | Mman.PROT_READ;
    }
}
