package dev.caisson.spi.fs;

import org.osgi.annotation.versioning.ConsumerType;

/** An object that hangs on an inode ({@link Inode#attachment}) and knows it. */
@ConsumerType
public interface InodeAttachment {
    /**
     * Another filesystem serves the file from now on: the object hangs on its inode. All tasks are at their safe points.
     *
     * @param next the inode that stands for the same file
     */
    void movedTo(Inode next);
}
