package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.PageCache;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A regular host file that was opened. The host's descriptor is taken at the first use and shared with other opens of the file. */
final class HostRegularFile extends OpenFile {
    private static final Logger log = LoggerFactory.getLogger(HostRegularFile.class);

    private final HostInode inode;
    private final HostContent content;
    private final boolean isWritable;
    /** Whether reading leaves the host's access time alone, which needs a descriptor that is not shared. Guarded by this, as those. */
    private boolean leavesAccessTime;
    private volatile HandleCache.Handle handle;
    /** What was used before O_NOATIME came or went, and will be used when it changes again. */
    private HandleCache.Handle other;
    private boolean isClosed;

    HostRegularFile(HostInode inode, int flags) {
        this.inode = inode;
        this.content = inode.content();
        this.isWritable = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        this.leavesAccessTime = leavesAccessTime(flags);
    }

    private boolean leavesAccessTime(int flags) {
        return (flags & Fcntl.O_NOATIME) != 0 && !inode.host().isExclusive();
    }

    private int fd() throws ErrnoException {
        HandleCache.Handle open = handle;
        return open != null ? open.fd : take();
    }

    private synchronized int take() throws ErrnoException {
        if (isClosed) {
            throw Errno.EBADF.error("closed while in use");
        }
        if (handle == null) {
            handle = leavesAccessTime ? content.ownHandle(isWritable, Fcntl.O_NOATIME) : content.handle(isWritable);
        }
        return handle.fd;
    }

    @Override
    public synchronized void statusChanged(int newFlags) {
        boolean leaves = leavesAccessTime(newFlags);
        if (leaves != leavesAccessTime) {
            leavesAccessTime = leaves;
            HandleCache.Handle unfit = handle; // stays open: somebody may be reading
            handle = other;
            other = unfit;
        }
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        PageCache pages = content.pages();
        if (pages != null) {
            return pages.read(target, position);
        }
        int fd = fd();
        long got = target.transfer(Long.MAX_VALUE, (run, bytes, done) -> HostFile.pread(fd, run.address(), bytes, position + done));
        content.wasRead(got);
        return got;
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        int fd = fd();
        content.lock().lock();
        try {
            return writeLocked(fd, source, position);
        } finally {
            content.lock().unlock();
        }
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        int fd = fd();
        content.lock().lock();
        try {
            long end = Errno.check(HostFile.size(fd));
            return end + writeLocked(fd, source, end);
        } finally {
            content.lock().unlock();
        }
    }

    private long writeLocked(int fd, IoBuffer source, long position) throws ErrnoException {
        inode.changed();
        PageCache pages = content.pages();
        if (pages != null) {
            return pages.write(source, position);
        }
        long written = source.transfer(Long.MAX_VALUE, (run, bytes, done) -> content.store(fd, run.address(), bytes, position + done));
        inode.changed();
        return written;
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return inode.attributes().sizeBytes();
    }

    @Override
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        // The shared descriptor's own offset is used for nothing else.
        return Errno.check(HostFile.seek(fd(), position, hole ? Fcntl.SEEK_HOLE : Fcntl.SEEK_DATA));
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        content.writeBack();
        if (isWritable || !inode.host().isReadOnly()) {
            Errno.check(dataOnly ? HostFile.syncData(fd()) : HostFile.sync(fd()));
        }
    }

    @Override
    public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
        int fd = fd();
        content.lock().lock();
        try {
            PageCache pages = content.pages();
            if (pages != null) {
                pages.writeBack();
            }
            content.allocate(fd, mode, position, lengthBytes);
            inode.changed();
            if (pages != null) {
                pages.resize(Errno.check(HostFile.size(fd)));
                pages.invalidate(position, Long.MAX_VALUE);
            }
        } finally {
            content.lock().unlock();
        }
    }

    @Override
    public Mappable mappable() throws ErrnoException {
        return content.makePages();
    }

    @Override
    public void close() {
        if (isWritable && content.pages() != null) {
            try {
                content.writeBack(); // what was written through shared mappings; each of them kept this file open
            } catch (ErrnoException e) {
                log.warn("cannot write mapped pages back: inode={} errno={}", inode.number(), e.errno());
            }
        }
        HandleCache.Handle open;
        HandleCache.Handle unfit;
        synchronized (this) {
            isClosed = true;
            open = handle;
            unfit = other;
            handle = null;
            other = null;
        }
        if (open != null) {
            inode.host().handles().release(open);
        }
        if (unfit != null) {
            inode.host().handles().release(unfit);
        }
        content.closed();
    }
}
