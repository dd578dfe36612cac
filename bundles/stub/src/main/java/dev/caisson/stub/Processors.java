package dev.caisson.stub;

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
 * watching thread when one processor has more than one busy task for two looks in a row while another has none. A task's part in it
 * is its {@link Placement}.
 */
public final class Processors {
    private static final long LOOK_NS = 10_000_000;

    private final int[] numbers;
    /** Awake tasks per processor. */
    private final AtomicIntegerArray awake;
    private final AtomicInteger totalAwake = new AtomicInteger();
    /** Tasks that have a place. Guarded by this; moves happen under this too. */
    private final List<Placement> tasks = new ArrayList<>();
    private final Thread watcher;
    private volatile boolean watcherSleeps;
    private volatile boolean closed;

    /**
     * Makes it.
     *
     * @param name of the platform
     */
    public Processors(String name) {
        numbers = HostScheduler.processors();
        awake = new AtomicIntegerArray(numbers.length);
        watcher = new Thread(null, this::watch, "caisson-" + name + "-balance", 128 << 10);
        watcher.setDaemon(true);
        if (numbers.length > 1) {
            watcher.start();
        }
    }

    /**
     * The host's number of a processor.
     *
     * @param index ours
     * @return the host's
     */
    public int number(int index) {
        return numbers[index];
    }

    /** {@return the host's numbers of all processors} */
    public int[] all() {
        return numbers.clone();
    }

    /**
     * A task runs for the first time, or no longer spins, on its own thread. It is awake.
     *
     * @param task the task
     */
    void enter(Placement task) {
        synchronized (this) {
            tasks.add(task);
            // Moving a running thread costs the host a hundred microseconds, which many a short-lived task is not worth.
            int here = indexOf(HostScheduler.currentProcessor());
            int best = emptiest();
            synchronized (task) {
                task.place(here >= 0 && awake.get(here) - awake.get(best) < 2 ? here : best);
                task.setAwake(true);
                count(task.place(), 1);
            }
        }
    }

    /**
     * A task ends, or spins from now on, on its own thread.
     *
     * @param task the task
     */
    void leave(Placement task) {
        synchronized (this) {
            tasks.remove(task);
            if (task.isAwake()) {
                count(task.place(), -1);
            }
        }
        HostScheduler.pin(0, numbers);
    }

    /**
     * A sleeping task is about to become a child of another one: beside it, where a wake-up costs least, unless that processor has
     * more than enough to do.
     *
     * @param task the task
     * @param parent the other one
     */
    void follow(Placement task, Placement parent) {
        int best = emptiest();
        int here = parent.place();
        int wanted = awake.get(here) - awake.get(best) < 2 ? here : best;
        if (task.place() != wanted) {
            synchronized (this) {
                task.place(wanted);
            }
        }
    }

    /**
     * A task has fallen asleep.
     *
     * @param task the task
     */
    void sleeping(Placement task) {
        synchronized (task) {
            task.setAwake(false);
            count(task.place(), -1);
        }
    }

    /**
     * A task has woken up, on its own thread.
     *
     * @param task the task
     */
    void awake(Placement task) {
        int best = emptiest();
        // Under the task's own monitor only: when thousands wake up at once, a common one would make them queue for each other's moves.
        synchronized (task) {
            if (awake.get(task.place()) - awake.get(best) >= 2) {
                task.place(best);
            }
            task.setAwake(true);
            count(task.place(), 1);
        }
    }

    /** Ends the watching thread. */
    public void close() {
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
        for (int i = 0; i < tasks.size(); i++) {
            Placement task = tasks.get(i);
            synchronized (task) {
                if (task.place() == from && task.isAwake()) {
                    int to = emptiest();
                    count(from, -1);
                    count(to, 1);
                    task.place(to);
                    tasks.add(tasks.remove(i)); // its turn comes last next time
                    return;
                }
            }
        }
    }
}
