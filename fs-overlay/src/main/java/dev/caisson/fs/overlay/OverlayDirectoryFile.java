package dev.caisson.fs.overlay;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.util.List;

/**
 * An open directory. One that exists in a single layer is read through, with that layer's positions; a merged one is listed once, at the
 * first read and after each rewind, and positions count the entries of that list.
 */
final class OverlayDirectoryFile extends OpenFile {
    private final OverlayDirectory directory;

    /** The layer that is read through, or null. Guarded by this, as the other fields. */
    private Inode layer;
    private OpenFile layerFile;
    private List<MergedListing.Entry> listing;

    OverlayDirectoryFile(OverlayDirectory directory) {
        this.directory = directory;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        throw Errno.EISDIR.error();
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return directory.attributes().sizeBytes();
    }

    @Override
    public synchronized long readDirectory(long position, DirectorySink sink) throws ErrnoException {
        if (position == 0 || layer == null && listing == null) {
            begin();
        }
        return listing != null ? readListing(position, sink) : readThrough(position, sink);
    }

    private void begin() throws ErrnoException {
        Inode upper = directory.upper();
        Inode only = directory.lowers.length == 0 ? upper : upper == null && directory.lowers.length == 1 ? directory.lowers[0] : null;
        if (only == null) {
            closeLayer();
            listing = directory.entries();
        } else if (only != layer) {
            closeLayer();
            listing = null;
            layerFile = only.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
            layer = only;
        }
    }

    private long readThrough(long position, DirectorySink sink) throws ErrnoException {
        int index = layer == directory.upper() ? -1 : 0;
        ErrnoException[] failure = new ErrnoException[1];
        long end = layerFile.readDirectory(position, (name, inode, type, next) -> {
            try {
                if (name.equals(".")) {
                    return sink.entry(name, directory.number(), type, next);
                }
                if (name.equals("..")) {
                    return sink.entry(name, parentNumber(), type, next);
                }
                if (MergedListing.isWhiteout(directory, layer, index, name, type)) {
                    return true;
                }
                return sink.entry(name, MergedListing.number(directory, layer, index, name, inode), type, next);
            } catch (ErrnoException e) {
                failure[0] = e;
                return false;
            }
        });
        if (failure[0] != null) {
            throw failure[0];
        }
        return end;
    }

    private long readListing(long position, DirectorySink sink) {
        int type = dev.caisson.abi.Stat.S_IFDIR >>> 12;
        long at = position;
        while (at < listing.size() + 2L) {
            boolean taken;
            if (at == 0) {
                taken = sink.entry(".", directory.number(), type, 1);
            } else if (at == 1) {
                taken = sink.entry("..", parentNumber(), type, 2);
            } else {
                MergedListing.Entry entry = listing.get((int) at - 2);
                taken = sink.entry(entry.name(), entry.inode(), entry.type(), at + 1);
            }
            if (!taken) {
                break;
            }
            at++;
        }
        return at;
    }

    private long parentNumber() {
        OverlayDirectory parent = directory.parent();
        return parent != null ? parent.number() : directory.number();
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        Inode upper = directory.upper();
        if (upper == null || !directory.overlay().isStored()) {
            return; // lower layers never change, and memory has nothing to store
        }
        OpenFile own = upper.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            own.sync(dataOnly);
        } finally {
            own.close();
        }
    }

    private void closeLayer() {
        if (layerFile != null) {
            layerFile.close();
            layerFile = null;
            layer = null;
        }
    }

    @Override
    public synchronized void close() {
        closeLayer();
    }
}
