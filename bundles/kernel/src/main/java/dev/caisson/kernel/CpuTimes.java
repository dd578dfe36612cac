package dev.caisson.kernel;

/**
 * Processor time and other usage, getrusage(2). A task's own is written by its thread alone and read by anybody; sums are guarded by
 * TASK_SET.
 */
public final class CpuTimes {
    long userNs;
    long systemNs;
    long minorFaults;
    long majorFaults;
    long voluntarySwitches;
    long involuntarySwitches;
    long maxResidentBytes;

    /** {@return time in guest code, in nanoseconds} */
    public long userNs() {
        return userNs;
    }

    /** {@return time in system calls, in nanoseconds, without sleeping} */
    public long systemNs() {
        return systemNs;
    }

    /** {@return page faults answered from memory} */
    public long minorFaults() {
        return minorFaults;
    }

    /** {@return page faults that had to read a file} */
    public long majorFaults() {
        return majorFaults;
    }

    /** {@return how often it went to sleep} */
    public long voluntarySwitches() {
        return voluntarySwitches;
    }

    /** {@return how often it was interrupted} */
    public long involuntarySwitches() {
        return involuntarySwitches;
    }

    /** {@return largest resident set seen, in bytes} */
    public long maxResidentBytes() {
        return maxResidentBytes;
    }

    /** Adds another usage to this sum; the largest resident set is the larger one. */
    void add(CpuTimes other) {
        userNs += other.userNs;
        systemNs += other.systemNs;
        minorFaults += other.minorFaults;
        majorFaults += other.majorFaults;
        voluntarySwitches += other.voluntarySwitches;
        involuntarySwitches += other.involuntarySwitches;
        maxResidentBytes = Math.max(maxResidentBytes, other.maxResidentBytes);
    }
}
