package dev.caisson.kernel.time;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one timer thread of the sandbox: a heap of deadlines on the clock of {@link System#nanoTime}. The lock inside is a leaf: arming
 * and disarming is allowed under any other lock.
 */
public final class Timers implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Timers.class);

    /** Guards heap, size and the alarms' fields. */
    private final Object lock = new Object();
    private Alarm[] heap = new Alarm[16];
    private int size;
    private Thread thread;
    private boolean closed;

    /** Makes timers; the thread starts with the first alarm. */
    public Timers() {}

    /**
     * Arms or moves an alarm.
     *
     * @param alarm the alarm
     * @param deadlineNs when, {@link Long#MAX_VALUE} for never
     */
    public void arm(Alarm alarm, long deadlineNs) {
        boolean first;
        Thread sleeper;
        synchronized (lock) {
            if (closed) {
                return;
            }
            if (deadlineNs == Long.MAX_VALUE) {
                removeLocked(alarm);
                return;
            }
            alarm.deadlineNs = deadlineNs;
            if (alarm.index < 0) {
                if (size == heap.length) {
                    heap = Arrays.copyOf(heap, size * 2);
                }
                alarm.index = size;
                heap[size++] = alarm;
            }
            siftDown(siftUp(alarm.index));
            first = heap[0] == alarm;
            if (thread == null) {
                thread = new Thread(null, this::run, "caisson-timers", 256 * 1024);
                thread.setDaemon(true);
                thread.start();
            }
            sleeper = thread;
        }
        if (first && sleeper != Thread.currentThread()) {
            LockSupport.unpark(sleeper);
        }
    }

    /**
     * Disarms an alarm. Its action may be running, or about to.
     *
     * @param alarm the alarm
     */
    public void disarm(Alarm alarm) {
        synchronized (lock) {
            removeLocked(alarm);
        }
    }

    private void removeLocked(Alarm alarm) {
        int at = alarm.index;
        if (at < 0) {
            return;
        }
        alarm.index = -1;
        Alarm last = heap[--size];
        heap[size] = null;
        if (last != alarm) {
            heap[at] = last;
            last.index = at;
            siftDown(siftUp(at));
        }
    }

    private int siftUp(int start) {
        int at = start;
        Alarm alarm = heap[at];
        while (at > 0) {
            int parent = (at - 1) / 2;
            if (heap[parent].deadlineNs - alarm.deadlineNs <= 0) {
                break;
            }
            heap[at] = heap[parent];
            heap[at].index = at;
            at = parent;
        }
        heap[at] = alarm;
        alarm.index = at;
        return at;
    }

    private void siftDown(int start) {
        int at = start;
        Alarm alarm = heap[at];
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && heap[child + 1].deadlineNs - heap[child].deadlineNs < 0) {
                child++;
            }
            if (alarm.deadlineNs - heap[child].deadlineNs <= 0) {
                break;
            }
            heap[at] = heap[child];
            heap[at].index = at;
            at = child;
        }
        heap[at] = alarm;
        alarm.index = at;
    }

    private void run() {
        while (true) {
            Alarm due = null;
            long wait = 0;
            synchronized (lock) {
                if (closed) {
                    return;
                }
                if (size > 0) {
                    wait = heap[0].deadlineNs - System.nanoTime();
                    if (wait <= 0) {
                        due = heap[0];
                        removeLocked(due);
                    }
                }
            }
            if (due != null) {
                ring(due);
            } else if (wait > 0) {
                LockSupport.parkNanos(this, wait);
            } else {
                LockSupport.park(this);
            }
        }
    }

    private static void ring(Alarm alarm) {
        try {
            alarm.ring();
        } catch (RuntimeException | Error bug) {
            // One broken alarm must not stop everybody's clock.
            log.error("an alarm failed", bug);
        }
    }

    /** {@return how many alarms are armed} */
    public int armedCount() {
        synchronized (lock) {
            return size;
        }
    }

    /** Ends the thread; nothing rings any more. */
    @Override
    public void close() {
        Thread sleeper;
        synchronized (lock) {
            closed = true;
            sleeper = thread;
        }
        if (sleeper != null) {
            LockSupport.unpark(sleeper);
        }
    }
}
