package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.stub.StubAddressSpace;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubFactory;
import dev.caisson.stub.StubProcess;

/**
 * A stub process as an address space. A task that is stopped in the space makes new threads and processes by its own stub thread.
 */
final class PtraceAddressSpace extends StubAddressSpace {
    PtraceAddressSpace(StubFactory factory, StubFactory.Zygote zygote, StubProcess process) {
        super(factory, zygote, process, true);
    }

    @Override
    public AddressSpace fork(GuestContext current) throws ErrnoException {
        StubThread caller = ((PtraceContext) current).threadIn(this);
        settle();
        StubProcess child = caller != null ? factory.fork(process,
            pageOffset -> caller.injectClone(StubProcess.PROCESS_FLAGS, StubCode.NEW_PROCESS, pageOffset)) : factory.fork(process);
        factory.retain(zygote);
        return new PtraceAddressSpace(factory, zygote, child);
    }

    @Override
    public void prepareContext(GuestContext current, GuestContext next) throws ErrnoException {
        if (next == null || !((PtraceContext) next).keepsThreadIn(process)) {
            prepareContext(current);
        }
    }

    /** Guests make no calls of the host: all they can leave behind is what is mapped. */
    @Override
    protected boolean recycles() {
        return true;
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
}
