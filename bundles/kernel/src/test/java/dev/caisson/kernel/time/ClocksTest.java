package dev.caisson.kernel.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Time;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ClocksTest {
    /** A machine whose true time the test moves; its clock and counter differ from it as real ones do. */
    private static final class Machine implements HostClock {
        final Random random = new Random(42);
        long trueNs = 5_000_000_000_000L;
        double ticksPerNs = 2.1;
        double hostRate = 1;
        long hostOffsetNs;
        long realtimeOffsetNs = 1_700_000_000_000_000_000L;
        boolean stable = true;

        private long elapse() {
            trueNs += 20 + random.nextInt(30);
            return trueNs;
        }

        @Override
        public long monotonicNs() {
            return (long) (elapse() * hostRate) + hostOffsetNs;
        }

        @Override
        public long clockNs(int clock) {
            return monotonicNs() + switch (clock) {
                case Time.CLOCK_REALTIME -> realtimeOffsetNs;
                case Time.CLOCK_TAI -> realtimeOffsetNs + 37_000_000_000L;
                default -> 1_000_000_000L;
            };
        }

        @Override
        public long tsc() {
            return (long) (elapse() * ticksPerNs);
        }

        @Override
        public boolean hasStableTsc() {
            return stable;
        }
    }

    private final Machine machine = new Machine();
    private final Timers never = new Timers();
    private final Clocks clocks;

    ClocksTest() {
        never.close();
        clocks = new Clocks(machine, never);
    }

    private void runFor(long seconds) {
        long last = clocks.monotonicNs();
        long end = machine.trueNs + seconds * 1_000_000_000L;
        while (machine.trueNs < end) {
            machine.trueNs += clocks.intervalNs();
            long before = clocks.monotonicNs();
            assertTrue(before >= last, "went back while running");
            clocks.update();
            long after = clocks.monotonicNs();
            assertTrue(after >= before, "went back at an update");
            last = after;
        }
    }

    private long errorNs() {
        return Math.abs(clocks.monotonicNs() - machine.monotonicNs());
    }

    @Test
    void beforeTheFirstMeasurementTheHostIsAsked() {
        assertFalse(clocks.parameters().usable());
        assertTrue(errorNs() < 200);
    }

    @Test
    void theClockFollowsTheHostAndNeverGoesBack() {
        runFor(120);
        assertTrue(clocks.parameters().usable());
        assertTrue(errorNs() < 5_000, () -> "error " + errorNs());
        assertEquals(8_000_000_000L, clocks.intervalNs());
    }

    @Test
    void aSlewedHostIsFollowed() {
        runFor(60);
        long host = machine.monotonicNs();
        machine.hostRate = 1.0001;
        machine.hostOffsetNs += host - machine.monotonicNs();
        runFor(120);
        assertTrue(errorNs() < 10_000, () -> "error " + errorNs());
    }

    @Test
    void aStepOfTheHostsRealTimeIsAdopted() {
        runFor(10);
        machine.realtimeOffsetNs += 3_600_000_000_000L;
        clocks.update();
        assertTrue(Math.abs(clocks.realtimeNs() - machine.clockNs(Time.CLOCK_REALTIME)) < 50_000);
        assertEquals(37, clocks.taiOffsetSeconds());
    }

    @Test
    void withoutStableCounterEveryReadingAsksTheHost() {
        machine.stable = false;
        Clocks asking = new Clocks(machine, never);
        asking.update();
        assertFalse(asking.parameters().usable());
        assertTrue(Math.abs(asking.monotonicNs() - machine.monotonicNs()) < 200);
    }

    @Test
    void parametersSurviveLongGaps() {
        ClockParameters line = new ClockParameters(true, 100, 1_000, 2_045_222_521L, 32, 0, 0);
        long day = 86_400_000_000_000L;
        assertEquals(1_000 + day, line.monotonicNs(100 + (long) (day * 2.1)), 1e6);
        assertEquals(1_000, line.monotonicNs(50));
    }
}
