package dev.caisson.memory;

/**
 * Sizes of an address space, for /proc/PID/statm and status. All in pages.
 *
 * @param size mapped
 * @param peakSize the most that was ever mapped
 * @param resident present
 * @param peakResident the most that was ever present
 * @param residentFile present pages of files
 * @param text executable mappings
 * @param data private writable mappings
 * @param stack mappings that grow down
 * @param locked locked in memory
 */
public record MemoryUsage(long size, long peakSize, long resident, long peakResident, long residentFile, long text, long data,
        long stack, long locked) {}
