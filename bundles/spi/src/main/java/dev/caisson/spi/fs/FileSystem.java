package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/** A mounted instance of a filesystem (Linux: super_block). */
@ConsumerType
public interface FileSystem {
    /** {@return the name of its kind, as /proc/mounts shows it} */
    String typeName();

    /** {@return options as /proc/mounts shows them, without the generic ones; empty, or starting without a comma} */
    String options();

    /** {@return {@code st_dev} of its files} */
    long deviceId();

    /** {@return the root directory} */
    Inode root();

    /** {@return whether dentries (negative ones too) may be kept without asking again; false: every step is looked up} */
    boolean cachesDentries();

    /** {@return whether {@link Inode#lookAhead} is worth while} For filesystems that do not cache dentries. */
    default boolean looksAhead() {
        return false;
    }

    /**
     * Tells sizes.
     *
     * @return the status
     * @throws ErrnoException EIO
     */
    FileSystemStatus status() throws ErrnoException;

    /**
     * Writes everything back that is not yet stored.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    void sync() throws ErrnoException;

    /**
     * Makes what only this instance has (changed pages) visible to other filesystems that serve the same files; it need not be durable.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    default void publish() throws ErrnoException {
        sync();
    }

    /**
     * Asked before another filesystem takes the place of this one under running programs.
     *
     * @param next the other one, mounted with {@link MountRequest#replaced}
     * @return null, or one line for the operator: what would be lost, and what to do about it
     */
    default String replacementObstacle(FileSystem next) {
        return null;
    }

    /**
     * Finds the inode that stands for a file of another filesystem whose storage this one shares, whatever names it has: for a file without a
     * name, which no lookup leads to.
     *
     * @param file an inode of any filesystem
     * @return the inode here of the very same file; null when this filesystem does not know it
     */
    default Inode adopt(Inode file) {
        return null;
    }

    /** The last mount and the last open file are gone. */
    void close();
}
