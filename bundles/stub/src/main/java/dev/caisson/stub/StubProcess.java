package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostBytes;
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
 * orders are serialised by a lock, which is held while the control thread works. The page of a process that is known to be dead is
 * another's soon ({@link #isLeft}): nothing here touches it any more.
 */
public final class StubProcess {
    /** Flags of a thread of the same process. */
    public static final long THREAD_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000; // VM FS FILES SIGHAND THREAD SYSVSEM
    private static final int CALL_WORDS = ControlPages.CALL_BYTES / Long.BYTES;
    /** CLONE_PARENT: a child of the JVM, as this process is; the signal at its end is the one of this process, none. */
    public static final long PROCESS_FLAGS = 0x8000;

    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    private static final long PATIENCE_NS = 100_000_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final int processId;
    private final StubCode code;
    private final long offset;
    private final MemorySegment page;
    private final StubProfile.Attachment attachment;
    /** Sequence number of the latest order. Guarded by the lock. */
    private long sequence;
    /** The first order, which the process found in its page, makes a thread; whether that has been collected. Guarded by the lock. */
    private boolean firstThreadCollected;
    /** The latest order takes all mappings away, and nobody has waited for it. Guarded by the lock. */
    private boolean clearing;
    /** The latest {@link #beginClear} has succeeded. Guarded by the lock. */
    private boolean cleared;
    /** The latest order is one of {@link #post}, and nobody has waited for it. Guarded by the lock. */
    private boolean posted;
    /** Result of the latest one that was waited for and not told. Guarded by the lock. */
    private long postedResult;
    /** Threads that no task has taken. Guarded by the lock. */
    private final ArrayDeque<Integer> parked = new ArrayDeque<>(4);
    /** A call on its way to the page. Guarded by the lock. */
    private final long[] words = new long[CALL_WORDS];
    /** Where the control thread was last told to run. Guarded by the lock. */
    private int controlProcessor = -1;
    private volatile boolean dead;

    StubProcess(int processId, StubCode code, long offset, MemorySegment page, StubProfile.Attachment attachment,
                boolean threadOrdered) {
        this.processId = processId;
        this.code = code;
        this.offset = offset;
        this.page = page;
        this.attachment = attachment;
        this.sequence = threadOrdered ? 1 : 0;
        this.firstThreadCollected = !threadOrdered;
    }

    /**
     * Prepares the page of a process that is about to start.
     *
     * @param page the page
     * @param parent process id of the JVM
     */
    static void preparePage(MemorySegment page, int parent) {
        page.fill((byte) 0);
        page.set(Layouts.U64, ControlPages.PARENT, parent);
        VarHandle.fullFence();
    }

    /** Orders the first thread of a process that is about to start. */
    static void orderThread(MemorySegment page, long stack) {
        putCall(page, new long[CALL_WORDS], 0, StubCode.NEW_THREAD, SyscallNumber.CLONE, THREAD_FLAGS, stack, 0, 0, 0, 0);
        page.set(Layouts.U64, ControlPages.COUNT, 1);
        page.set(Layouts.U64, ControlPages.SEQUENCE, 1);
        VarHandle.fullFence();
    }

    /** {@return its process id} */
    public int processId() {
        return processId;
    }

    /** {@return the code mapped in it} */
    public StubCode code() {
        return code;
    }

    /** {@return what the profile keeps for it} */
    public StubProfile.Attachment attachment() {
        return attachment;
    }

    long pageOffset() {
        return offset;
    }

    /** {@return its control page} */
    public MemorySegment page() {
        return page;
    }

    /** {@return whether it is known to be dead} */
    public boolean isDead() {
        return dead;
    }

    /** Notes that it is dead. */
    public void markDead() {
        dead = true;
    }

    /** {@return whether nobody uses the page of this process, which is known to be dead, and nobody will} */
    boolean isLeft() {
        if (!lock.tryLock()) {
            return false; // by somebody who will hear of its death
        }
        lock.unlock();
        return dead;
    }

    /**
     * Has the control thread make one call.
     *
     * @param kind of the call
     * @param number of the call
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @param a6 sixth argument
     * @return the low half of its result; negated ESRCH when the process is dead
     */
    public long order(long kind, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        lock.lock();
        try {
            return orderLocked(kind, number, a1, a2, a3, a4, a5, a6);
        } finally {
            lock.unlock();
        }
    }

    private long orderLocked(long kind, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        if (!isReadyLocked()) {
            return -Errno.ESRCH.number();
        }
        putCall(page, words, 0, kind, number, a1, a2, a3, a4, a5, a6);
        return execute(1);
    }

    /**
     * Has the control thread make calls until one fails.
     *
     * @param calls number and arguments of each
     * @return result of the last one made
     */
    public long orderAll(long[][] calls) {
        lock.lock();
        try {
            if (!isReadyLocked()) {
                return -Errno.ESRCH.number();
            }
            for (int i = 0; i < calls.length; i++) {
                long[] c = calls[i];
                putCall(page, words, i, StubCode.PLAIN, c[0], at(c, 1), at(c, 2), at(c, 3), at(c, 4), at(c, 5), at(c, 6));
            }
            return execute(calls.length);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has the control thread make calls until one fails, telling only of a failure.
     *
     * @param calls not empty
     * @return the failure's negated error number, else 0
     */
    public long orderAll(StubCalls calls) {
        lock.lock();
        try {
            if (!isReadyLocked()) {
                return -Errno.ESRCH.number();
            }
            calls.put(page);
            return execute(calls.count());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Leaves calls for the control thread, which makes them until one fails. It sleeps on: some thread of the process that needs what was
     * ordered wakes it, or else who waits for the order by {@link #collect}, as every other order does.
     *
     * @param calls not empty
     * @param processor where the control thread is to run; negative for wherever
     * @return number of the order, which {@link ControlPages#DONE} reaches when it is done
     */
    public long post(StubCalls calls, int processor) {
        lock.lock();
        try {
            if (isReadyLocked()) {
                calls.put(page);
                bringControlThread(processor);
                announce(calls.count());
                posted = true;
            }
            return sequence;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for what {@link #post} ordered.
     *
     * @return the failure's negated error number, else 0
     */
    public long collect() {
        lock.lock();
        try {
            collectLocked();
            long result = postedResult;
            postedResult = 0;
            return Math.min(result, 0);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Adds a thread that was made by injection.
     *
     * @param threadId the thread
     */
    public void addParked(int threadId) {
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
    public int takeThread() throws ErrnoException {
        lock.lock();
        try {
            collectLocked();
            Integer threadId = parked.poll();
            return threadId != null ? threadId : newThreadLocked(0);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has a thread made.
     *
     * @param stack its stack pointer
     * @return its thread id
     * @throws ErrnoException ESRCH when the process is dead, EAGAIN when the host has no more threads
     */
    public int newThread(long stack) throws ErrnoException {
        lock.lock();
        try {
            return newThreadLocked(stack);
        } finally {
            lock.unlock();
        }
    }

    private int newThreadLocked(long stack) throws ErrnoException {
        return (int) Errno.check(
            orderLocked(StubCode.NEW_THREAD, SyscallNumber.CLONE, THREAD_FLAGS, stack, 0, 0, 0, 0));
    }

    /** {@return whether the next order can be put down} Else the process is dead. */
    private boolean isReadyLocked() {
        collectLocked();
        return !dead;
    }

    /** Waits for what has been ordered before. */
    private void collectLocked() {
        if (!firstThreadCollected) {
            long result = await();
            firstThreadCollected = true;
            if (result > 0) {
                parked.add((int) result);
            }
        }
        if (clearing) {
            clearing = false;
            cleared = await() >= 0;
        }
        if (posted) {
            posted = false;
            if (!dead && (long) WORD.getVolatile(page, (long) ControlPages.DONE) != sequence) {
                wakeControlThread();
            }
            postedResult = await();
        }
    }

    /**
     * Has the control thread take all mappings of the guest away.
     *
     * @return whether that is done
     */
    boolean clear() {
        beginClear();
        return isCleared();
    }

    /** As {@link #clear}, but does not wait for it. */
    void beginClear() {
        lock.lock();
        try {
            boolean ready = isReadyLocked();
            cleared = false;
            if (ready) {
                putCall(page, words, 0, StubCode.QUIET, SyscallNumber.MUNMAP, 0, StubCode.ADDRESS_LIMIT, 0, 0, 0, 0);
                clearing = true;
                post(1);
            }
        } finally {
            lock.unlock();
        }
    }

    /** {@return whether {@link #beginClear} took everything away} */
    boolean isCleared() {
        lock.lock();
        try {
            collectLocked();
            return cleared && !dead;
        } finally {
            lock.unlock();
        }
    }

    private long execute(int count) {
        post(count);
        return await();
    }

    private void post(int count) {
        bringControlThread(HostScheduler.currentProcessor()); // before it wakes up: to move a running thread costs the host much more
        announce(count);
        wakeControlThread();
    }

    private void announce(int count) {
        page.set(Layouts.U32, ControlPages.RESULT, 0);
        page.set(Layouts.U64, ControlPages.COUNT, count);
        WORD.setVolatile(page, (long) ControlPages.SEQUENCE, ++sequence);
    }

    private void wakeControlThread() {
        HostFutex.wake(page.address() + ControlPages.SEQUENCE, 1);
    }

    /** Waits until the latest order is done, for its result. */
    private long await() {
        while (!dead) {
            long done = (long) WORD.getVolatile(page, (long) ControlPages.DONE);
            if (done == sequence) {
                return page.get(Layouts.U32, ControlPages.RESULT);
            }
            long result = HostFutex.await(page.address() + ControlPages.DONE, (int) done, PATIENCE_NS);
            if (result == -Errno.ETIMEDOUT.number()) {
                if (!HostProcess.isAlive(processId, StubCode.CODE)) {
                    dead = true;
                }
                HostSignal.kill(processId, Signals.SIGCONT); // in case somebody has stopped it
            }
        }
        return -Errno.ESRCH.number();
    }

    /** A wake-up on another processor takes much longer than on the caller's. */
    private void bringControlThread(int processor) {
        if (processor >= 0 && processor != controlProcessor && HostScheduler.pin(processId, processor) == 0) {
            controlProcessor = processor;
        }
    }

    private static void putCall(MemorySegment page, long[] words, int index, long kind, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        words[0] = number;
        words[1] = a1;
        words[2] = a2;
        words[3] = a3;
        words[4] = a4;
        words[5] = a5;
        words[6] = a6;
        words[7] = kind;
        HostBytes.writeWords(page.address() + ControlPages.CALLS + (long) index * ControlPages.CALL_BYTES, words, words.length);
    }

    private static long at(long[] array, int index) {
        return index < array.length ? array[index] : 0;
    }
}
