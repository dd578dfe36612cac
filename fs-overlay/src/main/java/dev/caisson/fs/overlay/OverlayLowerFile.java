package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;

/**
 * A regular file of a lower layer, open for reading. Once the file has been copied up, reads see the upper file, as in Linux since 4.19.
 * Mappings made before keep the lower pages, as in Linux.
 */
final class OverlayLowerFile extends OpenFile {
    private final OverlayInode inode;
    private final int flags;
    private final OpenFile lower;
    private volatile OpenFile upper;
    private boolean isClosed;

    OverlayLowerFile(OverlayInode inode, int flags, OpenFile lower) {
        this.inode = inode;
        this.flags = flags;
        this.lower = lower;
    }

    private OpenFile current() throws ErrnoException {
        if (inode.lowerContent() != null) {
            return lower;
        }
        OpenFile file = upper;
        return file != null ? file : openUpper();
    }

    private synchronized OpenFile openUpper() throws ErrnoException {
        if (upper == null && !isClosed) {
            upper = inode.upper().open(flags);
        }
        return upper != null ? upper : lower;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        return current().read(target, position);
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return current().sizeBytes();
    }

    @Override
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        return current().seekExtent(position, hole);
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        // A lower file has nothing to store.
        if (inode.lowerContent() == null) {
            current().sync(dataOnly);
        }
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        return current().ioctl(memory, command, argument);
    }

    @Override
    public Mappable mappable() throws ErrnoException {
        return current().mappable();
    }

    @Override
    public void statusChanged(int newFlags) throws ErrnoException {
        current().statusChanged(newFlags);
    }

    @Override
    public int readiness(int mask) {
        return lower.readiness(mask);
    }

    @Override
    public WaitQueue waitQueue() {
        return lower.waitQueue();
    }

    @Override
    public void close() {
        synchronized (this) {
            isClosed = true;
            lower.close();
            if (upper != null) {
                upper.close();
            }
        }
        inode.lowerClosed();
    }
}
