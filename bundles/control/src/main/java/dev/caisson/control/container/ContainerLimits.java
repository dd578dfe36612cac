package dev.caisson.control.container;

import dev.caisson.oci.spec.OciResources;

/** The limits of a container as its programs see them. They change while it runs; what is not limited is null or negative. Thread-safe. */
public final class ContainerLimits {
    private static final long DEFAULT_PERIOD_US = 100_000, DEFAULT_SHARES = 1024;

    private volatile Long memoryBytes;
    private volatile Long swapBytes;
    private volatile Long shares;
    private volatile Long quotaUs;
    private volatile Long periodUs;
    private volatile Long burstUs;

    /**
     * Takes limits over.
     *
     * @param resources of the configuration
     */
    public ContainerLimits(OciResources resources) {
        memoryBytes = resources.memory().limit();
        swapBytes = resources.memory().swap();
        shares = resources.cpu().shares();
        quotaUs = resources.cpu().quota();
        periodUs = resources.cpu().period();
        burstUs = resources.cpu().burst();
    }

    /**
     * How many processors programs are told to have: those they may run on, and no more than they have time for.
     *
     * @param resources of the configuration
     * @param host how many there are
     * @return at least 1
     */
    public static int processors(OciResources resources, int host) {
        OciResources.Cpu cpu = resources.cpu();
        int count = host;
        if (!cpu.cpus().isEmpty()) {
            int listed = 0;
            for (String range : cpu.cpus().split(",")) {
                int dash = range.indexOf('-');
                int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
                int last = Math.min(host - 1, dash < 0 ? first : Integer.parseInt(range.substring(dash + 1)));
                listed += Math.max(0, last - first + 1);
            }
            count = Math.min(count, listed);
        }
        if (cpu.quota() != null && cpu.quota() > 0) {
            long period = cpu.period() == null || cpu.period() == 0 ? DEFAULT_PERIOD_US : cpu.period();
            count = (int) Math.min(count, (cpu.quota() + period - 1) / period);
        }
        return Math.max(1, count);
    }

    /**
     * Changes limits; a null stays.
     *
     * @param memory bytes, negative for no limit
     * @param swap bytes of memory and swap, negative for no limit
     */
    public void memory(Long memory, Long swap) {
        memoryBytes = memory == null ? memoryBytes : memory;
        swapBytes = swap == null ? swapBytes : swap;
    }

    /**
     * Changes limits; a null stays.
     *
     * @param newShares relative weight
     * @param quota microseconds in each period, negative for all
     * @param period microseconds
     * @param burst microseconds
     */
    public void processors(Long newShares, Long quota, Long period, Long burst) {
        shares = newShares == null ? shares : newShares;
        quotaUs = quota == null ? quotaUs : quota;
        periodUs = period == null ? periodUs : period;
        burstUs = burst == null ? burstUs : burst;
    }

    private static String text(Long value) {
        return value == null || value <= 0 ? "max\n" : value + "\n";
    }

    /** {@return memory.max} */
    String memoryMax() {
        return text(memoryBytes);
    }

    /** {@return memory.swap.max: version 2 counts swap without memory} */
    String swapMax() {
        Long both = swapBytes;
        Long memory = memoryBytes;
        return both == null || memory == null || both <= 0 ? "max\n" : Math.max(0, both - Math.max(0, memory)) + "\n";
    }

    /** {@return cpu.max} */
    String cpuMax() {
        Long quota = quotaUs;
        Long period = periodUs;
        return (quota == null || quota <= 0 ? "max" : quota.toString()) + " " + (period == null || period == 0 ? DEFAULT_PERIOD_US : period) + "\n";
    }

    /** {@return cpu.max.burst} */
    String burst() {
        Long burst = burstUs;
        return (burst == null ? 0 : burst) + "\n";
    }

    /** {@return cpu.weight: runc's for shares of version 1, 2 to 262144 become 1 to 10000} */
    String weight() {
        Long given = shares;
        long clamped = given == null || given == 0 ? DEFAULT_SHARES : Math.clamp(given, 2, 262_144);
        return 1 + (clamped - 2) * 9999 / 262_142 + "\n";
    }
}
