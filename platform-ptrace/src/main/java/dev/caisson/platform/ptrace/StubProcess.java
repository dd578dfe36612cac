package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFutex;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSignal;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One stub process: its control thread, which makes host calls on order, and its stock of parked threads. Any thread may call;
 * orders are serialised by a lock, which is held while the control thread works.
 */
final class StubProcess {
    /** Flags of a thread of the same process. */
    static final long THREAD_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000; // VM FS FILES SIGHAND THREAD SYSVSEM
    /** CLONE_PARENT: a child of the JVM, as this process is; the signal at its end is the one of this process, none. */
    static final long PROCESS_FLAGS = 0x8000;

    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    /** See {@link #tryOrder}; no result of a call. */
    static final long BUSY = Long.MIN_VALUE;

    private static final long PATIENCE_NS = 100_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final int processId;
    private final StubCode code;
    private final long offset;
    private final MemorySegment page;
    /** Sequence number of the latest order. Guarded by the lock. */
    private long sequence;
    /** The first order, which the process found in its page, makes a thread; whether that has been collected. Guarded by the lock. */
    private boolean firstThreadCollected;
    /** Threads that no task has seized. Guarded by the lock. */
    private final ArrayDeque<Integer> parked = new ArrayDeque<>(4);
    /** Where the control thread was last told to run. Guarded by the lock. */
    private int controlProcessor = -1;
    private volatile boolean dead;

    private StubProcess(int processId, StubCode code, long offset, MemorySegment page, boolean threadOrdered) {
        this.processId = processId;
        this.code = code;
        this.offset = offset;
        this.page = page;
        this.sequence = threadOrdered ? 1 : 0;
        this.firstThreadCollected = !threadOrdered;
    }

    /**
     * Prepares the page of a process that is about to start.
     *
     * @param page the page
     * @param parent process id of the JVM
     * @param withThread whether it shall start with one parked thread
     */
    static void preparePage(MemorySegment page, int parent, boolean withThread) {
        page.fill((byte) 0);
        page.set(Layouts.U64, Mailbox.PARENT, parent);
        if (withThread) {
            putCall(page, 0, StubCode.NEW_THREAD, SyscallNumber.CLONE, THREAD_FLAGS, 0, 0, 0, 0, 0);
            page.set(Layouts.U64, Mailbox.COUNT, 1);
            page.set(Layouts.U64, Mailbox.SEQUENCE, 1);
        }
        VarHandle.fullFence();
    }

    /** A process that was started with a page that {@link #preparePage} has prepared. */
    static StubProcess started(int processId, StubCode code, long offset, MemorySegment page, boolean withThread) {
        return new StubProcess(processId, code, offset, page, withThread);
    }

    int processId() {
        return processId;
    }

    /** {@return the code mapped in it} */
    StubCode code() {
        return code;
    }

    long mailboxOffset() {
        return offset;
    }

    MemorySegment page() {
        return page;
    }

    boolean isDead() {
        return dead;
    }

    void markDead() {
        dead = true;
    }

    /** Has the control thread make one call; the result is negated ESRCH when the process is dead. */
    long order(long kind, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        lock.lock();
        try {
            return orderLocked(kind, number, a1, a2, a3, a4, a5, a6);
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #order}, but {@link #BUSY} when the control thread is at work for somebody else. */
    long tryOrder(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        if (!lock.tryLock()) {
            return BUSY;
        }
        try {
            return orderLocked(StubCode.PLAIN, number, a1, a2, a3, a4, a5, a6);
        } finally {
            lock.unlock();
        }
    }

    private long orderLocked(long kind, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        collectFirstThread();
        putCall(page, 0, kind, number, a1, a2, a3, a4, a5, a6);
        return execute(1);
    }

    /** Has the control thread make calls until one fails; the last one's result is all that is told. */
    long orderAll(long[][] calls) {
        lock.lock();
        try {
            collectFirstThread();
            for (int i = 0; i < calls.length; i++) {
                long[] c = calls[i];
                putCall(page, i, StubCode.PLAIN, c[0], at(c, 1), at(c, 2), at(c, 3), at(c, 4), at(c, 5), at(c, 6));
            }
            return execute(calls.length);
        } finally {
            lock.unlock();
        }
    }

    /** Adds a thread that was made by injection. */
    void addParked(int threadId) {
        lock.lock();
        try {
            parked.add(threadId);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes a parked thread, or has one made.
     *
     * @return its thread id
     * @throws ErrnoException ESRCH when the process is dead, EAGAIN when the host has no more threads
     */
    int takeThread() throws ErrnoException {
        lock.lock();
        try {
            collectFirstThread();
            Integer threadId = parked.poll();
            if (threadId != null) {
                return threadId;
            }
            return (int) Errno.check(
                orderLocked(StubCode.NEW_THREAD, SyscallNumber.CLONE, THREAD_FLAGS, 0, 0, 0, 0, 0));
        } finally {
            lock.unlock();
        }
    }

    private void collectFirstThread() {
        if (!firstThreadCollected) {
            long result = await();
            firstThreadCollected = true;
            if (result > 0) {
                parked.add((int) result);
            }
        }
    }

    private long execute(int count) {
        if (dead) {
            return -Errno.ESRCH.number();
        }
        page.set(Layouts.U32, Mailbox.RESULT, 0);
        page.set(Layouts.U64, Mailbox.COUNT, count);
        WORD.setVolatile(page, (long) Mailbox.SEQUENCE, ++sequence);
        HostFutex.wake(page.address() + Mailbox.SEQUENCE, 1);
        return await();
    }

    /** Waits until the latest order is done, for its result. */
    private long await() {
        long waitFor = sequence;
        long done = (long) WORD.getVolatile(page, (long) Mailbox.DONE);
        if (done != waitFor) {
            bringControlThreadHere();
        }
        while (done != waitFor) {
            if (dead) {
                return -Errno.ESRCH.number();
            }
            long result = HostFutex.await(page.address() + Mailbox.DONE, (int) done, PATIENCE_NS);
            if (result == -Errno.ETIMEDOUT.number()) {
                if (!HostProcess.isAlive(processId, StubCode.CODE)) {
                    dead = true;
                }
                HostSignal.kill(processId, Signals.SIGCONT); // in case somebody has stopped it
            }
            done = (long) WORD.getVolatile(page, (long) Mailbox.DONE);
        }
        return page.get(Layouts.U32, Mailbox.RESULT);
    }

    /** A wake-up on another processor takes much longer than on this one. */
    private void bringControlThreadHere() {
        int processor = HostScheduler.currentProcessor();
        if (processor != controlProcessor && HostScheduler.pin(processId, processor) == 0) {
            controlProcessor = processor;
        }
    }

    private static void putCall(MemorySegment page, int index, long kind, long number,
                                long a1, long a2, long a3, long a4, long a5, long a6) {
        long at = Mailbox.CALLS + (long) index * Mailbox.CALL_BYTES;
        page.set(Layouts.U64, at, number);
        page.set(Layouts.U64, at + 8, a1);
        page.set(Layouts.U64, at + 16, a2);
        page.set(Layouts.U64, at + 24, a3);
        page.set(Layouts.U64, at + 32, a4);
        page.set(Layouts.U64, at + 40, a5);
        page.set(Layouts.U64, at + 48, a6);
        page.set(Layouts.U64, at + 56, kind);
    }

    private static long at(long[] array, int index) {
        return index < array.length ? array[index] : 0;
    }
}
