package dev.caisson.spi.fs;

import java.time.Clock;
import java.time.Instant;

/** The time that files get as their time stamps. */
public final class FileClock {
    private static final Clock CLOCK = Clock.systemUTC();

    private FileClock() {}

    /** {@return nanoseconds since the epoch} */
    public static long nowNs() {
        Instant now = CLOCK.instant();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
