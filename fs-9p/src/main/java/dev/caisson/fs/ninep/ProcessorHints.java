package dev.caisson.fs.ninep;

import dev.caisson.host.HostScheduler;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;

/**
 * Whether requests tell from which processor they come, so that the server answers on the same one. On an idle machine that is up to twice
 * as fast, since no other processor has to wake up; on a busy one it is slower, since two threads take turns on one processor. So both are
 * tried now and then, and what took less time is done until the next time. Counted without a lock: these are estimates.
 */
final class ProcessorHints {
    /** Requests of one try. */
    private static final int TRY = 96;
    /** The first ones after a change do not count. */
    private static final int UNCOUNTED = 16;
    /** Requests between two times of trying. */
    private static final int KEEP = 6000;
    /** What takes longer says nothing about the way there and back. */
    private static final long MOST_NS = 1_000_000;

    private boolean tells = true;
    private int count;
    private boolean isTrying = true;
    private long sumNs;
    private long otherNs;
    private boolean hasOther;

    /** The tag of a request with a number below 256. */
    int tag(int number) {
        return tells ? Protocol.tag(number, HostScheduler.currentProcessor()) : number;
    }

    /** Whether the time that a request takes is nearly all on the way. */
    static boolean isShort(MessageType type) {
        return switch (type) {
            case TWALK, TWALKGETATTR, TGETATTR, TSETATTRAT, TOPENAT, TUNLINKAT, TRENAMEAT, TMKDIR, TMAKEAT -> true;
            default -> false;
        };
    }

    /** A short request was answered. */
    void took(long ns) {
        count++;
        if (!isTrying) {
            if (count >= KEEP) {
                begin(tells);
            }
            return;
        }
        if (count > UNCOUNTED) {
            sumNs += Math.min(ns, MOST_NS);
        }
        if (count < TRY) {
            return;
        }
        if (!hasOther) {
            otherNs = sumNs;
            hasOther = true;
            turn(!tells);
            return;
        }
        if (otherNs < sumNs) {
            tells = !tells;
        }
        isTrying = false;
        count = 0;
    }

    private void begin(boolean telling) {
        isTrying = true;
        hasOther = false;
        turn(telling);
    }

    private void turn(boolean telling) {
        tells = telling;
        count = 0;
        sumNs = 0;
    }
}
