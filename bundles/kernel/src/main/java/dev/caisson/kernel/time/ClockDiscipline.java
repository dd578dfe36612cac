package dev.caisson.kernel.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;

/** What adjtimex(2) has set, with Linux's limits. It is kept and told; the clock is the host's. Safe for use by many tasks. */
public final class ClockDiscipline {
    /** The clock is not synchronized. */
    public static final int STA_UNSYNC = 0x40;
    /** Fractions of seconds are nanoseconds. */
    public static final int STA_NANO = 0x2000;
    private static final int STA_READ_ONLY = 0xff00;
    private static final int ADJ_OFFSET = 1;
    private static final int ADJ_FREQUENCY = 2;
    private static final int ADJ_MAXERROR = 4;
    private static final int ADJ_ESTERROR = 8;
    private static final int ADJ_STATUS = 0x10;
    private static final int ADJ_TIMECONST = 0x20;
    private static final int ADJ_SETOFFSET = 0x100;
    private static final int ADJ_MICRO = 0x1000;
    private static final int ADJ_NANO = 0x2000;
    private static final int ADJ_TICK = 0x4000;
    /** adjtime(3)'s way of asking. */
    private static final int ADJ_ADJTIME = 0x8000;
    private static final int ADJ_READ_ONLY = 0x2000;
    private static final long LEAST_TICK = 9000;
    private static final long MOST_TICK = 11000;
    private static final long MOST_ERROR = 16_000_000;
    /** 500 parts per million, by 65536. */
    private static final long MOST_FREQUENCY = 32_768_000;
    private static final long MOST_CONSTANT = 10;

    /**
     * The fields of {@code struct timex}.
     *
     * @param offset microseconds, or nanoseconds with STA_NANO; of adjtime(3): microseconds that are left
     * @param frequency parts per million, by 65536
     * @param maximumError microseconds
     * @param estimatedError microseconds
     * @param status {@code STA_*}
     * @param constant time constant of the loop
     * @param tick microseconds of a tick
     */
    public record Values(long offset, long frequency, long maximumError, long estimatedError, int status, long constant, long tick) {}

    /** Guarded by this. */
    private Values kept = new Values(0, 0, MOST_ERROR, MOST_ERROR, STA_UNSYNC, 2, 10_000);
    /** Guarded by this. */
    private long left;

    /**
     * adjtimex(2).
     *
     * @param modes {@code ADJ_*}: which of {@code wanted} count
     * @param wanted new values
     * @param fraction the fraction of ADJ_SETOFFSET
     * @param allowed whether the caller may set clocks
     * @return what is set now
     * @throws ErrnoException EINVAL, EPERM
     */
    public synchronized Values adjust(int modes, Values wanted, long fraction, boolean allowed) throws ErrnoException {
        check(modes, wanted, fraction, allowed);
        if ((modes & ADJ_ADJTIME) != 0) {
            long before = left;
            if ((modes & ADJ_READ_ONLY) == 0) {
                left = wanted.offset;
            }
            return new Values(before, kept.frequency, kept.maximumError, kept.estimatedError, kept.status, kept.constant, kept.tick);
        }
        int status = kept.status;
        if ((modes & ADJ_STATUS) != 0) {
            status = status & STA_READ_ONLY | wanted.status & ~STA_READ_ONLY;
        }
        if ((modes & ADJ_NANO) != 0) {
            status |= STA_NANO;
        }
        if ((modes & ADJ_MICRO) != 0) {
            status &= ~STA_NANO;
        }
        long constant = kept.constant;
        if ((modes & ADJ_TIMECONST) != 0) {
            constant = Math.clamp(wanted.constant, 0, MOST_CONSTANT);
            constant = Math.min((status & STA_NANO) == 0 ? constant + 4 : constant, MOST_CONSTANT);
        }
        kept = new Values((modes & ADJ_OFFSET) != 0 ? 0 : kept.offset,
                (modes & ADJ_FREQUENCY) != 0 ? Math.clamp(wanted.frequency, -MOST_FREQUENCY, MOST_FREQUENCY) : kept.frequency,
                (modes & ADJ_MAXERROR) != 0 ? Math.clamp(wanted.maximumError, 0, MOST_ERROR) : kept.maximumError,
                (modes & ADJ_ESTERROR) != 0 ? Math.clamp(wanted.estimatedError, 0, MOST_ERROR) : kept.estimatedError, status, constant,
                (modes & ADJ_TICK) != 0 ? wanted.tick : kept.tick);
        return kept;
    }

    /** As Linux's timekeeping_validate_timex. */
    private static void check(int modes, Values wanted, long fraction, boolean allowed) throws ErrnoException {
        boolean asksOnly = modes == 0 || (modes & ADJ_ADJTIME) != 0 && (modes & ADJ_READ_ONLY) != 0;
        if (!asksOnly && !allowed) {
            throw EPERM.error();
        }
        if ((modes & ADJ_ADJTIME) == 0 && (modes & ADJ_TICK) != 0 && (wanted.tick < LEAST_TICK || wanted.tick > MOST_TICK)) {
            throw EINVAL.error();
        }
        if ((modes & ADJ_SETOFFSET) != 0) {
            if (allowed && (fraction < 0 || fraction >= ((modes & ADJ_NANO) != 0 ? 1_000_000_000L : 1_000_000L))) {
                throw EINVAL.error();
            }
            throw EPERM.error("the clock is the host's");
        }
        if ((modes & ADJ_FREQUENCY) != 0 && (wanted.frequency < Long.MIN_VALUE >> 16 || wanted.frequency > Long.MAX_VALUE >> 16)) {
            throw EINVAL.error();
        }
    }
}
