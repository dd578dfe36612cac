package dev.caisson.spi.fs;

/**
 * A record lock that somebody else has on a file, where the file is kept.
 *
 * @param isExclusive F_WRLCK rather than F_RDLCK
 * @param start first byte
 * @param end last byte, inclusive; {@link Long#MAX_VALUE} for the end of the file, whatever that becomes
 * @param process what F_GETLK tells of its owner: the negated process id on that machine, or -1
 */
public record ForeignLock(boolean isExclusive, long start, long end, int process) {}
