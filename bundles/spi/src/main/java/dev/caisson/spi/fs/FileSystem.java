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

    /** The last mount and the last open file are gone. */
    void close();
}
