package dev.caisson.kernel;

/**
 * What a sandbox may be told at its start.
 *
 * @param hostName nodename
 * @param cpuCount CPUs the guest sees
 * @param maximumTasks most tasks at a time; more is EAGAIN
 */
public record KernelOptions(String hostName, int cpuCount, int maximumTasks) {
    /** Host name "caisson", the CPUs of the JVM, 4096 tasks (each takes three threads of the host, whose pid space is shared). */
    public static final KernelOptions DEFAULT = new KernelOptions("caisson", Runtime.getRuntime().availableProcessors(), 4096);

    /**
     * The same with another host name.
     *
     * @param name nodename, at most 64 bytes
     * @return new options
     */
    public KernelOptions withHostName(String name) {
        return new KernelOptions(name, cpuCount, maximumTasks);
    }

    /**
     * The same with another number of processors.
     *
     * @param count CPUs the guest sees, at least 1
     * @return new options
     */
    public KernelOptions withProcessors(int count) {
        return new KernelOptions(hostName, count, maximumTasks);
    }
}
