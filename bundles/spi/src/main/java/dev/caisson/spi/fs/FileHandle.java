package dev.caisson.spi.fs;

/**
 * The name of a file that stays when its path changes: what name_to_handle_at(2) tells, and the filesystem it belongs to.
 *
 * @param fileSystem 16 bytes: the UUID of the filesystem
 * @param type {@code handle_type}, 0 to 255
 * @param bytes {@code f_handle}
 */
public record FileHandle(byte[] fileSystem, int type, byte[] bytes) {}
