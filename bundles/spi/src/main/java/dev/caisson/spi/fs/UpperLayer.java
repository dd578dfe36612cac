package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A filesystem that can take the changes of an overlay: it has device nodes or at least extended attributes, unnamed files, and rename
 * with RENAME_EXCHANGE, between its tree and two directories beside it as well.
 */
@ConsumerType
public interface UpperLayer extends FileSystem {
    /**
     * A directory outside the tree, empty when the filesystem is mounted, where files are made before they get their place.
     *
     * @return always the same
     */
    Inode workDirectory();

    /**
     * A directory outside the tree that lives as long as the tree. It has a name for each file that several names of a lower layer share.
     *
     * @return always the same
     */
    Inode indexDirectory();

    /**
     * Others have changed the tree, and will not from now on: nothing that was known of it counts any more, but for files that are in use.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    default void refresh() throws ErrnoException {}

    /** {@return whether the tree outlives the sandbox, so that what was half done must not show after a crash} */
    boolean isStored();

    /** {@return what the files of the tree take, in bytes} */
    long usedBytes();

    /** {@return how much more they may take by the limit that was set, or the place that is left; {@link Long#MAX_VALUE} when nobody knows} */
    long freeBytes();
}
