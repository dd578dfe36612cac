package dev.caisson.kernel.time;

import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;

/** Processor time as a clock. */
@FunctionalInterface
public interface CpuClock {
    /** {@return nanoseconds} */
    long nowNs();

    /**
     * All processor time of a process.
     *
     * @param process the process
     * @return its clock
     */
    static CpuClock total(GuestProcess process) {
        return process::cpuNs;
    }

    /**
     * Time that a process spent in its own code.
     *
     * @param process the process
     * @return its clock
     */
    static CpuClock user(GuestProcess process) {
        return process::userNs;
    }

    /**
     * All processor time of one task.
     *
     * @param task the task
     * @return its clock
     */
    static CpuClock total(Task task) {
        return task::cpuNs;
    }

    /**
     * Time that one task spent in its own code.
     *
     * @param task the task
     * @return its clock
     */
    static CpuClock user(Task task) {
        return task::userNs;
    }
}
