package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.platform.AddressSpace;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/** A stub process as an address space: what changes it is calls that are made inside of it. */
public abstract class StubAddressSpace implements AddressSpace {
    /** Makes the processes. */
    protected final StubFactory factory;
    /** What this one descends from. */
    protected final StubFactory.Zygote zygote;
    /** The process. */
    protected final StubProcess process;
    private final boolean canWait;
    private final ReentrantLock lock = new ReentrantLock();
    /** What has been ordered and not done. Guarded by the lock. */
    private final StubCalls calls = new StubCalls();
    /** Whether there is anything in {@link #calls}, be it on its way. Written under the lock. */
    private volatile boolean pending;
    /** What is in {@link #calls} is on its way. Guarded by the lock. */
    private boolean posted;
    /** Guest threads between {@link #enter} and {@link #leave}. */
    private final AtomicInteger running = new AtomicInteger();
    /** Some guest thread has been here. Written under the lock. */
    private volatile boolean entered;
    /** Between {@link #beginChanges} and {@link #endChanges}. Guarded by the lock. */
    private int collectors;
    /** The host has refused something before: from now on everything is done at once, and whoever asks is told. Guarded by the lock. */
    private boolean hasFailed;
    private boolean closed;

    /**
     * Makes the space.
     *
     * @param factory where the process is from
     * @param zygote what it descends from, which counts it
     * @param process the process
     * @param canWait whether the host itself keeps a guest thread from running after {@link #leave}: then changes can wait for
     *     {@link #enter}. Where guest code could make us believe that it has stopped, memory that was taken away is
     *     another's as soon as the call returns, and changes wait only until the first thread comes
     */
    protected StubAddressSpace(StubFactory factory, StubFactory.Zygote zygote, StubProcess process, boolean canWait) {
        this.canWait = canWait;
        this.factory = factory;
        this.zygote = zygote;
        this.process = process;
    }

    /** {@return the process} */
    public final StubProcess process() {
        return process;
    }

    /**
     * Whether the process may serve another guest: nothing that a guest did can be left in it but mappings.
     *
     * @return whether
     */
    protected boolean recycles() {
        return false;
    }

    /** A guest thread is about to run in this space: what has been ordered is done before. */
    public final void enter() {
        running.incrementAndGet();
        if (pending || !entered) {
            lock.lock();
            try {
                entered = true;
                settleLocked();
            } finally {
                lock.unlock();
            }
        }
    }

    /** A guest thread has stopped. */
    public final void leave() {
        running.decrementAndGet();
    }

    @Override
    public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate)
        throws ErrnoException {
        check(address, lengthBytes);
        int flags = Mman.MAP_SHARED | Mman.MAP_FIXED | (populate ? Mman.MAP_POPULATE : 0);
        if (change(SyscallNumber.MMAP, address, lengthBytes, rights(protection), flags, StubCode.MEMORY_FD, fileOffset) < 0) {
            throw Errno.ENOMEM.error("host mmap");
        }
    }

    @Override
    public void mapLater(long address, long lengthBytes, long fileOffset, int protection) throws ErrnoException {
        check(address, lengthBytes);
        if (change(true, SyscallNumber.MMAP, address, lengthBytes, rights(protection), Mman.MAP_SHARED | Mman.MAP_FIXED, StubCode.MEMORY_FD,
            fileOffset) < 0) {
            throw Errno.ENOMEM.error("host mmap");
        }
    }

    @Override
    public void unmap(long address, long lengthBytes) {
        check(address, lengthBytes);
        change(SyscallNumber.MUNMAP, address, lengthBytes, 0, 0, 0, 0);
    }

    @Override
    public void protect(long address, long lengthBytes, int protection) throws ErrnoException {
        check(address, lengthBytes);
        if (protection == Mman.PROT_NONE) {
            unmap(address, lengthBytes); // every mapping of ours can be read
        } else if (change(SyscallNumber.MPROTECT, address, lengthBytes, rights(protection), 0, 0, 0) < 0) {
            throw Errno.ENOMEM.error("host mprotect");
        }
    }

    @Override
    public final void beginChanges() {
        lock.lock();
        try {
            collectors++;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final void endChanges() {
        lock.lock();
        try {
            if (--collectors == 0 && !waitsLocked()) {
                settleLocked();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final synchronized void close() {
        if (!closed) {
            closed = true;
            // Its memory is another's as soon as we return. (A zygote that was killed has taken all its descendants along.)
            boolean isEmpty = canWait || zygote.process.isDead() || process.isDead() || process.clear();
            if (!isEmpty || !recycles() || !factory.recycle(zygote, process)) {
                factory.end(process);
            }
            factory.release(zygote);
        }
    }

    /** Whether changes need not be made yet. */
    private boolean waitsLocked() {
        return (canWait || !entered) && running.get() == 0 && !hasFailed;
    }

    /**
     * Changes the memory. While no guest thread runs, changes are collected until one does; else they are made now.
     *
     * @param number of the call
     * @param a1 first argument, the address
     * @param a2 second argument, the length
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @param a6 sixth argument
     * @return a negated error number, when it is known already
     */
    protected final long change(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        return change(false, number, a1, a2, a3, a4, a5, a6);
    }

    private long change(boolean later, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        lock.lock();
        try {
            if (process.isDead()) {
                return -Errno.ESRCH.number();
            }
            if (posted || calls.isFull()) {
                settleLocked();
            }
            calls.add(number, a1, a2, a3, a4, a5, a6);
            pending = true;
            return waitsLocked() || (later || collectors > 0) && !hasFailed ? 0 : settleLocked();
        } finally {
            lock.unlock();
        }
    }

    /** {@return whether there are changes that have been asked for and, for all we know, not been made} */
    public final boolean isUnsettled() {
        return pending;
    }

    /**
     * A guest thread is about to run in this space, and makes sure itself that what has been ordered is done before: see
     * {@link StubProcess#post}.
     *
     * @param processor where the thread runs; negative for wherever
     * @return the order to wait for, or 0
     */
    public final long settleAhead(int processor) {
        lock.lock();
        try {
            if (posted || hasFailed) {
                settleLocked();
            }
            if (calls.count() == 0) {
                return 0;
            }
            posted = true;
            return process.post(calls, processor);
        } finally {
            lock.unlock();
        }
    }

    /** Does what has been ordered. */
    protected final void settle() {
        lock.lock();
        try {
            settleLocked();
        } finally {
            lock.unlock();
        }
    }

    private long settleLocked() {
        int count = calls.count();
        if (count == 0) {
            return 0;
        }
        long result = posted ? process.collect() : process.orderAll(calls);
        posted = false;
        if (result < 0) {
            hasFailed = true;
            for (int i = 0; i < count; i++) { // all can be repeated
                result = settleOne(i);
            }
        }
        calls.clear();
        pending = false;
        return result;
    }

    /** {@return a negated error number when the guest has less than it should have, which is nothing} */
    private long settleOne(int index) {
        long number = calls.number(index);
        long address = calls.argument(index, 1);
        long lengthBytes = calls.argument(index, 2);
        long result = process.order(StubCode.QUIET, number, address, lengthBytes, calls.argument(index, 3),
            calls.argument(index, 4), calls.argument(index, 5), calls.argument(index, 6));
        if (result >= 0 || process.isDead()) {
            return result;
        }
        takeAway(address, lengthBytes);
        // ENOMEM of mprotect also says that parts are not mapped. Linux changes what lies before the first gap and then gives up.
        boolean toldCaller = number == SyscallNumber.MMAP
            || number == SyscallNumber.MPROTECT && result != -Errno.ENOMEM.number();
        return toldCaller ? result : 0;
    }

    /** munmap(2) fails when it would split a mapping beyond the host's limit of mappings; then the guest cannot go on. */
    private void takeAway(long address, long lengthBytes) {
        if (process.order(StubCode.QUIET, SyscallNumber.MUNMAP, address, lengthBytes, 0, 0, 0, 0) < 0
            && process.order(StubCode.QUIET, SyscallNumber.MPROTECT, address, lengthBytes, Mman.PROT_NONE, 0, 0, 0) < 0) {
            factory.end(process); // nobody may keep using what was taken away
        }
    }

    private static void check(long address, long lengthBytes) {
        if (lengthBytes <= 0 || address < 0 || address > StubCode.ADDRESS_LIMIT - lengthBytes
            || ((address | lengthBytes) & 0xfff) != 0) {
            throw new IllegalArgumentException("range " + Long.toHexString(address) + "+" + Long.toHexString(lengthBytes));
        }
    }

    /** Execute-only memory would be a protection key to the host, whose faults look different. */
    private static int rights(int protection) {
        return protection | Mman.PROT_READ;
    }
}
