package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

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

/** A regular file that was opened. The handle is taken at the first use and shared with other opens of the file. */
final class NinepRegularFile extends OpenFile {
    private static final Logger log = LoggerFactory.getLogger(NinepRegularFile.class);

    private final NinepInode inode;
    private final NinepContent content;
    private final boolean isWritable;
    private volatile Handle handle;
    private boolean isClosed;

    NinepRegularFile(NinepInode inode, boolean isWritable) {
        this.inode = inode;
        this.content = inode.content();
        this.isWritable = isWritable;
    }

    private Handle handle() throws ErrnoException {
        Handle known = handle;
        return known != null && known.isUsable() ? known : take();
    }

    private Handle take() throws ErrnoException {
        Handle taken = content.handle(isWritable); // not under a lock: it may ask the server
        Handle surplus;
        Handle result;
        synchronized (this) {
            boolean isWanted = !isClosed && (handle == null || !handle.isUsable());
            surplus = isWanted ? handle : taken;
            if (isWanted) {
                handle = taken;
            }
            result = isClosed ? null : handle;
        }
        if (surplus != null) {
            inode.ninep().files().release(surplus);
        }
        if (result == null) {
            throw EBADF.error("closed while in use");
        }
        return result;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        PageCache pages = content.pages();
        if (pages == null) {
            pages = content.pagesFor(handle());
        }
        if (pages != null) {
            return pages.read(target, position);
        }
        int descriptor = handle().descriptor;
        if (descriptor < 0) {
            return readMessages(target, position);
        }
        long got = target.transfer(Long.MAX_VALUE,
                (run, bytes, done) -> HostFile.pread(descriptor, run.address(), bytes, position + done));
        content.wasRead(got);
        return got;
    }

    /** Each message brings at most so much; a shorter one is the end. */
    private long readMessages(IoBuffer target, long position) throws ErrnoException {
        int most = inode.ninep().session().dataBytes();
        return target.transfer(most, (run, bytes, done) -> content.read(run.asSlice(0, bytes), position + done));
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        Handle open = handle();
        PageCache pages = content.pagesFor(open);
        content.lock().lock();
        try {
            return writeLocked(open, pages, source, position);
        } finally {
            content.lock().unlock();
        }
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        Handle open = handle();
        PageCache pages = content.pagesFor(open);
        content.lock().lock();
        try {
            long end = open.descriptor >= 0 ? Errno.check(HostFile.size(open.descriptor))
                    : pages != null && inode.ninep().isExclusive() ? pages.sizeBytes() : inode.attributes().sizeBytes();
            return end + writeLocked(open, pages, source, end);
        } finally {
            content.lock().unlock();
        }
    }

    private long writeLocked(Handle open, PageCache made, IoBuffer source, long position) throws ErrnoException {
        inode.changed();
        PageCache pages = made == null ? content.pages() : made; // somebody may have mapped the file meanwhile
        if (pages != null) {
            return pages.write(source, position);
        }
        long written = open.descriptor >= 0
                ? source.transfer(Long.MAX_VALUE,
                        (run, bytes, done) -> HostFile.pwrite(open.descriptor, run.address(), bytes, position + done))
                : source.transfer(open.session.dataBytes(), (run, bytes, done) -> content.write(run.asSlice(0, bytes), position + done));
        inode.changed();
        return written;
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return inode.attributes().sizeBytes();
    }

    @Override
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        Handle open = handle();
        if (open.descriptor < 0) {
            return super.seekExtent(position, hole);
        }
        // The shared descriptor's own offset is used for nothing else.
        return Errno.check(HostFile.seek(open.descriptor, position, hole ? Fcntl.SEEK_HOLE : Fcntl.SEEK_DATA));
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        content.writeBack();
        if (isWritable || !inode.ninep().isReadOnly()) {
            content.sync(dataOnly, isWritable);
        }
    }

    @Override
    public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
        Handle open = handle();
        if (open.descriptor < 0) {
            throw EOPNOTSUPP.error("the protocol cannot allocate");
        }
        content.lock().lock();
        try {
            PageCache pages = content.pages();
            if (pages != null) {
                pages.writeBack();
            }
            Errno.check(HostFile.allocate(open.descriptor, mode, position, lengthBytes));
            inode.changed();
            if (pages != null) {
                pages.resize(Errno.check(HostFile.size(open.descriptor)));
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
        Handle open;
        synchronized (this) {
            isClosed = true;
            open = handle;
            handle = null;
        }
        if (open != null) {
            inode.ninep().files().release(open);
        }
        content.closed();
    }
}
