package dev.caisson.platform.ptrace;

import dev.caisson.host.HostScheduler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Decides which processor a task's two threads run on: always one and the same, because a wake-up on another one costs five times
 * what it costs on this one. Placement goes by the number of awake tasks. A task is placed when it first runs, moves at a
 * wake-up only when the imbalance is plain (tasks that wake each other in turns are best left together), and is moved by a
 * watching thread when one processor has more than one busy task for two looks in a row while another has none.
 */
final class Processors {
    private static final long LOOK_NS = 10_000_000;

    private final int[] numbers;
    /** Awake contexts per processor. */
    private final AtomicIntegerArray awake;
    private final AtomicInteger totalAwake = new AtomicInteger();
    /** Contexts that have a place. Guarded by this; moves happen under this too. */
    private final List<PtraceContext> contexts = new ArrayList<>();
    private final Thread watcher;
    private volatile boolean watcherSleeps;
    private volatile boolean closed;

    Processors() {
        numbers = HostScheduler.processors();
        awake = new AtomicIntegerArray(numbers.length);
        watcher = new Thread(null, this::watch, "caisson-ptrace-balance", 128 << 10);
        watcher.setDaemon(true);
        if (numbers.length > 1) {
            watcher.start();
        }
    }

    /** {@return the host's number of a processor} */
    int number(int index) {
        return numbers[index];
    }

    /** A context runs for the first time, on its own thread. It is awake. */
    void enter(PtraceContext context) {
        synchronized (this) {
            contexts.add(context);
            // Moving a running thread costs the host a hundred microseconds, which many a short-lived task is not worth.
            int here = indexOf(HostScheduler.currentProcessor());
            int best = emptiest();
            context.place(here >= 0 && awake.get(here) - awake.get(best) < 2 ? here : best);
            context.setAwake(true);
            count(context.place(), 1);
        }
    }

    /** A context is closed, on its own thread. */
    void leave(PtraceContext context) {
        synchronized (this) {
            contexts.remove(context);
            if (context.isAwake()) {
                count(context.place(), -1);
            }
        }
        HostScheduler.pin(0, numbers);
    }

    /** {@code context} has fallen asleep. */
    void sleeping(PtraceContext context) {
        synchronized (context) {
            context.setAwake(false);
            count(context.place(), -1);
        }
    }

    /** {@code context} has woken up, on its own thread. */
    void awake(PtraceContext context) {
        int best = emptiest();
        if (awake.get(context.place()) - awake.get(best) >= 2) {
            synchronized (this) {
                context.place(best);
            }
        }
        synchronized (context) {
            context.setAwake(true);
            count(context.place(), 1);
        }
    }

    void close() {
        closed = true;
        LockSupport.unpark(watcher);
    }

    private void count(int index, int change) {
        awake.addAndGet(index, change);
        int total = totalAwake.addAndGet(change);
        if (change > 0 && total > 1 && watcherSleeps) {
            LockSupport.unpark(watcher);
        }
    }

    private int indexOf(int number) {
        for (int i = 0; i < numbers.length; i++) {
            if (numbers[i] == number) {
                return i;
            }
        }
        return -1;
    }

    private int emptiest() {
        int best = 0;
        int least = Integer.MAX_VALUE;
        for (int i = 0; i < numbers.length; i++) {
            int load = awake.get(i);
            if (load < least) {
                least = load;
                best = i;
            }
        }
        return best;
    }

    private void watch() {
        int lastBusiest = -1;
        while (!closed) {
            if (totalAwake.get() < 2) {
                watcherSleeps = true;
                if (totalAwake.get() < 2) {
                    LockSupport.park(this);
                }
                watcherSleeps = false;
                lastBusiest = -1;
                continue;
            }
            LockSupport.parkNanos(this, LOOK_NS);
            int busiest = busiest();
            boolean uneven = awake.get(busiest) - awake.get(emptiest()) >= 2;
            if (uneven && busiest == lastBusiest) {
                moveOne(busiest);
                lastBusiest = -1;
            } else {
                lastBusiest = uneven ? busiest : -1;
            }
        }
    }

    private int busiest() {
        int best = 0;
        for (int i = 1; i < numbers.length; i++) {
            if (awake.get(i) > awake.get(best)) {
                best = i;
            }
        }
        return best;
    }

    private synchronized void moveOne(int from) {
        for (int i = 0; i < contexts.size(); i++) {
            PtraceContext context = contexts.get(i);
            synchronized (context) {
                if (context.place() == from && context.isAwake()) {
                    int to = emptiest();
                    count(from, -1);
                    count(to, 1);
                    context.place(to);
                    contexts.add(contexts.remove(i)); // its turn comes last next time
                    return;
                }
            }
        }
    }
}
