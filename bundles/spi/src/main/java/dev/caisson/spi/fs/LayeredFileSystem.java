package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import java.util.Collection;
import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** A filesystem that keeps what was changed apart from what it started from, as an overlay does in its upper layer. */
@ConsumerType
public interface LayeredFileSystem extends FileSystem {
    /**
     * What the layer that takes the changes has of a directory, under the names that programs see. How the layer marks them is the
     * filesystem's own business.
     *
     * @param directory a directory of this filesystem
     * @return the changes, in any order; none when the directory is only in the layers below
     * @throws ErrnoException EIO, ENOENT when the directory is gone
     */
    List<LayerChange> changes(Inode directory) throws ErrnoException;

    /**
     * Files of the layers below with several names that have changed, while {@link #changes} may not tell any of the names: it was changed
     * under one that has gone since.
     *
     * @return their inode numbers, in any order; those of files whose names are told may be among them
     * @throws ErrnoException EIO
     */
    default Collection<Long> changedLinks() throws ErrnoException {
        return List.of();
    }
}
