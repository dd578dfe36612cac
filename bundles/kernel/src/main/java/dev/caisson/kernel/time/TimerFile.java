package dev.caisson.kernel.time;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.Poll;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;

/** A timerfd, timerfd_create(2). Reading takes the expirations since the last read as a number of 8 bytes. */
public final class TimerFile extends OpenFile {
    private final WaitQueue queue = new WaitQueue();
    private final WallTimer timer;
    private final int clock;
    private volatile boolean isAbsolute;

    /**
     * Makes a disarmed timer.
     *
     * @param clocks the sandbox's clocks
     * @param timers where it waits
     * @param clock {@code CLOCK_*} as the program gave it
     * @param wall the same as a clock
     */
    public TimerFile(Clocks clocks, Timers timers, int clock, WallClock wall) {
        this.clock = clock;
        this.timer = new WallTimer(clocks, timers, wall) {
            @Override
            protected void expired() {
                queue.notify(Poll.POLLIN);
            }
        };
    }

    /** {@return the clock, as the program gave it} */
    public int clock() {
        return clock;
    }

    /** {@return whether it was last set with TFD_TIMER_ABSTIME} */
    public boolean isAbsolute() {
        return isAbsolute;
    }

    /**
     * timerfd_settime(2).
     *
     * @param absolute TFD_TIMER_ABSTIME
     * @param valueNs first expiration, 0 disarms
     * @param intervalNs period
     * @return what it was set to
     */
    public IntervalTime set(boolean absolute, long valueNs, long intervalNs) {
        IntervalTime old = timer.set(absolute, valueNs, intervalNs);
        isAbsolute = absolute;
        if (timer.hasFired()) {
            queue.notify(Poll.POLLIN);
        }
        return old;
    }

    /** {@return what it is set to, timerfd_gettime(2)} */
    public IntervalTime get() {
        return timer.get();
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public boolean ignoresSeeks() {
        return true;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (target.remaining() < 8) {
            throw EINVAL.error();
        }
        long count = timer.consume();
        if (count == 0) {
            return WOULD_BLOCK;
        }
        return target.putNumber(count);
    }

    @Override
    public int readiness(int mask) {
        return timer.hasFired() ? mask & (Poll.POLLIN | Poll.POLLRDNORM) : 0;
    }

    @Override
    public WaitQueue waitQueue() {
        return queue;
    }

    @Override
    public void close() {
        timer.close();
    }
}
