package dev.caisson.memory;

/**
 * One mapping, for /proc/PID/maps and smaps.
 *
 * @param start first address
 * @param end one past the last address
 * @param protection {@code PROT_*}
 * @param shared whether MAP_SHARED
 * @param fileOffset offset in the file, bytes
 * @param file the mapped file, or null
 * @param label {@code [heap]}, {@code [stack]}, {@code [vdso]}, {@code [vvar]}, or the empty string
 * @param residentPages pages present
 * @param privatePages pages present that are this mapping's own copies
 * @param lockedPages pages locked in memory
 * @param growsDown whether it is a stack
 * @param dontFork MADV_DONTFORK
 * @param wipeOnFork MADV_WIPEONFORK
 * @param dontDump MADV_DONTDUMP
 */
public record VmaInfo(long start, long end, int protection, boolean shared, long fileOffset, MappedFile file, String label,
        long residentPages, long privatePages, long lockedPages, boolean growsDown, boolean dontFork, boolean wipeOnFork,
        boolean dontDump) {}
