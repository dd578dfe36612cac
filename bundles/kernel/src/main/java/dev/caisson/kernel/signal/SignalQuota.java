package dev.caisson.kernel.signal;

import java.util.concurrent.atomic.AtomicLong;

/** How many queued signals and POSIX timers belong to one user; RLIMIT_SIGPENDING bounds it. */
public final class SignalQuota {
    private final AtomicLong used = new AtomicLong();

    /**
     * Takes one.
     *
     * @param limit the limit, unsigned
     * @return false when it is reached
     */
    public boolean tryTake(long limit) {
        if (Long.compareUnsigned(used.incrementAndGet(), limit) > 0) {
            used.decrementAndGet();
            return false;
        }
        return true;
    }

    /** Gives one back. */
    public void release() {
        used.decrementAndGet();
    }

    /** {@return how many are in use} */
    public long used() {
        return used.get();
    }
}
