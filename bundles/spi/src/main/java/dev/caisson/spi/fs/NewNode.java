package dev.caisson.spi.fs;

/**
 * What a new file starts with; the caller has applied umask, set-group-ID inheritance and permission checks.
 *
 * @param mode {@code st_mode}: type (regular, directory, FIFO, socket, device) and permission bits
 * @param uid owner
 * @param gid group
 * @param rawDevice device number for device nodes, else 0
 */
public record NewNode(int mode, int uid, int gid, long rawDevice) {}
