package dev.caisson.platform.kvm;

import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread that is in KVM_RUN while the task's own thread answers the guest's system calls through a slot: no exit for each of them. It
 * pays for guests that make many calls, on hosts with a processor to spare.
 *
 * <p>The task keeps the processor between its runs as long as it has the companion ({@link #HELD}), since the guest waits inside. When the
 * task falls asleep it lends both ({@link #LENT}); the guest's stub soon rings the doorbell to sleep, and then they are free
 * ({@link #FREE}), unless the task came back before.
 */
final class Companion implements Runnable {
    static final int FREE = 0;
    static final int HELD = 1;
    static final int LENT = 2;

    private static final long SPIN_NS = 100_000;
    private static final long EINTR = -4;
    private static final int SIG_BLOCK = 0;
    private static final int LOOKS = 64;
    private static final int STACK_BYTES = 128 << 10;
    /** Kicks that may find the stub on its way before it counts as stuck: guest code can play with the state word. */
    private static final int MOST_TRIES = 64;

    private final Processor processor;
    private final Thread thread;
    private final AtomicInteger link = new AtomicInteger(FREE);
    private volatile int threadId;
    private volatile boolean isWanted;
    private volatile boolean isOutside = true;
    private volatile boolean isAwake;
    private volatile boolean isClosed;
    private volatile Thread waiter;
    /** The slot of the address space that the processor is in; written before {@link #enter}. */
    private Slot slot;
    private long result;
    private int tries;

    Companion(Processor processor) {
        this.processor = processor;
        thread = new Thread(null, this, "caisson-kvm-" + processor.number(), STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
    }

    /** The task has processor and companion from now on. */
    void hold() {
        link.set(HELD);
    }

    /** The task gives the companion up, but keeps the processor; the guest is outside. */
    void drop() {
        link.set(FREE);
    }

    /** The task falls asleep; processor and companion may go to others. */
    void lend() {
        link.set(LENT);
        if (isOutside) {
            release();
        }
    }

    /** {@return whether the task, which is awake again, has both still} */
    boolean takeBack() {
        return link.compareAndSet(LENT, HELD);
    }

    private void release() {
        if (link.compareAndSet(LENT, FREE)) {
            processor.machine().processors().giveBack(processor);
        }
    }

    /** {@return whether nobody is in KVM_RUN} */
    boolean isOutside() {
        return isOutside;
    }

    /** {@return whether the thread would notice an order at once} */
    boolean isAwake() {
        return isAwake;
    }

    /** {@return whether the thread has not noticed its order yet} */
    boolean isEntering() {
        return isWanted;
    }

    /** {@return what the last KVM_RUN returned} */
    long result() {
        return result;
    }

    /** Lets the thread go into KVM_RUN. It is outside. */
    void enter(Slot where) {
        slot = where;
        isOutside = false;
        isWanted = true;
        if (!isAwake) {
            LockSupport.unpark(thread);
        }
    }

    /** Makes the thread come out of KVM_RUN, now or soon; repeat until it is. */
    void kick() {
        if (threadId != 0 && !isOutside) {
            HostSignal.kill(HostProcess.processId(), threadId, Processor.KICK);
        }
    }

    /** Sleeps until something happens, spurious returns included. The task's thread. */
    void sleep(long ns) {
        waiter = Thread.currentThread();
        slot.await();
        if (!isOutside && !slot.isKernels()) {
            LockSupport.parkNanos(this, ns);
        }
        waiter = null;
    }

    /** Wakes the task from {@link #sleep}. */
    void wake() {
        Thread sleeper = waiter;
        if (sleeper != null) {
            LockSupport.unpark(sleeper);
        }
    }

    @Override
    public void run() {
        HostSignal.changeMask(SIG_BLOCK, Processor.KICK_MASK);
        threadId = HostProcess.threadId();
        while (awaitOrder()) {
            isWanted = false;
            tries = 0;
            do {
                result = processor.enter();
                if (result == EINTR) {
                    HostSignal.take(Processor.KICK_MASK);
                }
            } while (isUnfinished());
            isOutside = true;
            if (link.get() == LENT) {
                release();
            }
            wake();
        }
    }

    /** {@return whether the guest is in code of ours that is to go on} */
    private boolean isUnfinished() {
        if (isClosed) {
            return false;
        }
        if (result == EINTR) {
            return processor.isInHandler() || processor.isReturning()
                || processor.isInStub() && !slot.isKernels() && tries++ < MOST_TRIES;
        }
        return result == 0 && processor.isStubWaiting() && !slot.isKernels();
    }

    private boolean awaitOrder() {
        isAwake = true;
        long start = System.nanoTime();
        while (!isWanted) {
            for (int i = 0; i < LOOKS && !isWanted; i++) {
                Thread.onSpinWait();
            }
            if (isClosed) {
                return false;
            }
            if (System.nanoTime() - start > SPIN_NS) {
                isAwake = false;
                if (!isWanted && !isClosed) {
                    LockSupport.park(this);
                }
                isAwake = true;
                start = System.nanoTime();
            }
        }
        return true;
    }

    /** Ends the thread. */
    void close() {
        isClosed = true;
        boolean interrupted = false;
        while (thread.isAlive()) {
            kick();
            LockSupport.unpark(thread);
            try {
                thread.join(1);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
