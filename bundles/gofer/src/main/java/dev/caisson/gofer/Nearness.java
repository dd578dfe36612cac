package dev.caisson.gofer;

import dev.caisson.host.HostScheduler;

/**
 * Where the thread that serves a client runs: on the processor of who asks, as long as one thread asks one thing at a time. The asker sleeps
 * meanwhile, and to wake up another processor takes longer than most answers do. Who asks several things at once, or from several
 * processors, is served on any. One thread's; the mask of processors is that thread's.
 */
final class Nearness {
    /** So many requests in a row from one processor say that there is one caller. */
    static final int STEADY = 4;
    private static final int ANY = -1;

    private final int[] processors;
    private int last = ANY;
    private int inARow;
    private int pinned = ANY;

    Nearness(int[] processors) {
        this.processors = processors;
    }

    /** The thread begins, with the mask of the one that has started it. */
    void begin() {
        if (processors.length > 1) {
            HostScheduler.pin(0, processors);
        }
    }

    /**
     * A request has come.
     *
     * @param processor where from; -1 when that is not told
     * @param isMore whether the next one is there already
     */
    void asked(int processor, boolean isMore) {
        if (processor == pinned && !isMore) {
            return;
        }
        inARow = processor == last && !isMore ? inARow + 1 : 1;
        last = processor;
        if (pinned != ANY) {
            pinned = ANY;
            HostScheduler.pin(0, processors);
        }
        if (inARow >= STEADY && isOurs(processor) && HostScheduler.pin(0, processor) == 0) {
            pinned = processor;
        }
    }

    private boolean isOurs(int processor) {
        if (processors.length > 1) {
            for (int one : processors) {
                if (one == processor) {
                    return true;
                }
            }
        }
        return false;
    }
}
