package dev.caisson.platform.ptrace;

import dev.caisson.stub.StubProcess;
import java.util.ArrayList;
import java.util.List;

/**
 * Stub threads that a context traces, stopped, and does not use: a task that starts in a space where one of them is, or comes back
 * to it, needs not make, seize and end a thread, which costs more than all the rest of a short life. For the context's own thread;
 * {@link #has} also for another one while that thread sleeps.
 */
final class KeptThreads {
    private static final int MOST = 4;

    /** The latest is the last. */
    private final List<StubThread> threads = new ArrayList<>(MOST);

    boolean has(StubProcess process) {
        for (int i = 0; i < threads.size(); i++) {
            if (threads.get(i).process() == process) {
                return true;
            }
        }
        return false;
    }

    /** Takes a thread of a process out; null when there is none. */
    StubThread take(StubProcess process) {
        for (int i = threads.size() - 1; i >= 0; i--) {
            if (threads.get(i).process() == process) {
                return threads.remove(i);
            }
        }
        return null;
    }

    /** Keeps a thread, and ends the one that was kept longest when there are too many. */
    void add(StubThread thread) {
        if (threads.size() == MOST) {
            threads.removeFirst().release();
        }
        threads.add(thread);
    }

    /** Waits for the threads of processes that have been killed: the host keeps what is left of a process until its tracers have looked. */
    void buryDead() {
        for (int i = threads.size() - 1; i >= 0; i--) {
            if (threads.get(i).process().isDead()) {
                threads.remove(i).bury();
            }
        }
    }

    /** Ends all. */
    void releaseAll() {
        buryDead();
        threads.forEach(StubThread::release);
        threads.clear();
    }
}
