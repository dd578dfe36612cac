package dev.caisson.kernel.time;

import dev.caisson.host.HostSystem;
import dev.caisson.host.HostTsc;

/** The host's clocks, replaceable in tests. */
public interface HostClock {
    /** The machine's own clocks. */
    HostClock MACHINE = new HostClock() {
        @Override
        public long monotonicNs() {
            return System.nanoTime();
        }

        @Override
        public long clockNs(int clock) {
            return HostSystem.clockNs(clock);
        }

        @Override
        public long tsc() {
            return HostTsc.read();
        }

        @Override
        public boolean hasStableTsc() {
            return HostTsc.isInvariant();
        }
    };

    /** {@return CLOCK_MONOTONIC, the clock of deadlines} */
    long monotonicNs();

    /**
     * clock_gettime(2).
     *
     * @param clock {@code CLOCK_*}
     * @return nanoseconds
     */
    long clockNs(int clock);

    /** {@return the time stamp counter} */
    long tsc();

    /** {@return whether the counter runs at one rate} */
    boolean hasStableTsc();
}
