package dev.caisson.kernel.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class IntervalTimerTest {
    /** A timer whose clock the test moves. */
    private static final class ManualTimer extends IntervalTimer {
        long now = 1_000_000;
        long scheduled = Long.MAX_VALUE;
        int expirations;

        @Override
        protected long nowNs() {
            return now;
        }

        @Override
        protected void schedule(long atNs) {
            scheduled = atNs;
        }

        @Override
        protected void unschedule() {
            scheduled = Long.MAX_VALUE;
        }

        @Override
        protected void expired() {
            expirations++;
        }

        void advance(long ns) {
            now += ns;
            if (now >= scheduled) {
                scheduled = Long.MAX_VALUE;
                ring();
            }
        }
    }

    private final ManualTimer timer = new ManualTimer();

    @Test
    void aSingleExpirationIsConsumedOnce() {
        timer.set(false, 500, 0);
        assertEquals(500, timer.get().value().toNanos());
        timer.advance(499);
        assertEquals(0, timer.expirations);
        assertEquals(0, timer.consume());
        timer.advance(1);
        assertEquals(1, timer.expirations);
        assertTrue(timer.hasFired());
        assertEquals(1, timer.consume());
        assertEquals(0, timer.consume());
        assertTrue(timer.get().value().isZero());
    }

    @Test
    void missedPeriodsAreCounted() {
        timer.set(false, 1_000_000, 1_000_000);
        timer.advance(5_500_000);
        assertEquals(1, timer.expirations);
        assertEquals(5, timer.consume());
        assertEquals(500_000, timer.get().value().toNanos());
        timer.advance(500_000);
        assertEquals(2, timer.expirations);
        assertEquals(1, timer.consume());
    }

    @Test
    void anAbsoluteMomentInThePastExpiresAtOnce() {
        timer.set(true, 1, 0);
        assertTrue(timer.hasFired());
        timer.advance(0);
        assertEquals(1, timer.expirations);
    }

    @Test
    void settingReturnsTheOldTime() {
        timer.set(false, 1000, 70);
        timer.advance(400);
        var old = timer.set(false, 0, 0);
        assertEquals(600, old.value().toNanos());
        assertEquals(70, old.interval().toNanos());
        assertFalse(timer.hasFired());
        timer.advance(10_000);
        assertEquals(0, timer.expirations);
    }

    @Test
    void hugeTimesAreForever() {
        timer.set(false, Long.MAX_VALUE, Long.MAX_VALUE);
        timer.advance(1_000_000_000_000L);
        assertEquals(0, timer.expirations);
    }

    @Test
    void aRingThatComesEarlyIsScheduledAgain() {
        timer.set(false, 1000, 0);
        timer.now += 990;
        timer.ring();
        assertEquals(0, timer.expirations);
        assertEquals(1_001_000, timer.scheduled);
    }

    @Test
    void aClosedTimerStaysSilent() {
        timer.set(false, 10, 10);
        timer.close();
        timer.now += 100;
        timer.ring();
        assertEquals(0, timer.expirations);
        assertEquals(0, timer.consume());
    }
}
