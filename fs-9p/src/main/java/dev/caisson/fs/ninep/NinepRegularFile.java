package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.PageCache;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A regular file that was opened. The handle is taken at the first use and shared with other opens of the file. */
final class NinepRegularFile extends OpenFile {
    private static final Logger log = LoggerFactory.getLogger(NinepRegularFile.class);

    /** Instead of a position. */
    private static final long AT_END = -1;

    private final NinepInode inode;
    private final NinepContent content;
    private final boolean isWritable;
    private volatile Handle handle;
    private boolean isClosed;
    /** Up to which error of writing back this open file was told. Guarded by this. */
    private int toldErrors;

    NinepRegularFile(NinepInode inode, boolean isWritable) {
        this.inode = inode;
        this.content = inode.content();
        this.isWritable = isWritable;
        this.toldErrors = content.errors.sample();
    }

    private Handle handle() throws ErrnoException {
        Handle known = handle;
        return known != null && known.isUsable() ? known : take();
    }

    /** Takes the handle now. */
    void open() throws ErrnoException {
        handle();
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
        content.locks.check();
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
        return store(source, position);
    }

    /** Writes at a position, or at the end. When memory is short, it helps to write back what this file has. */
    private long store(IoBuffer source, long position) throws ErrnoException {
        content.locks.check();
        Handle open = handle();
        PageCache pages = content.pagesFor(open);
        if (content.writesBack() && inode.ninep().writeBack().isFull()) {
            content.writeBack();
        }
        try {
            return store(open, pages, source, position);
        } catch (ErrnoException e) {
            if (e.errno() != ENOMEM || pages == null || !content.writesBack()) {
                throw e;
            }
        }
        inode.ninep().relieve();
        return store(open, pages, source, position);
    }

    private long store(Handle open, PageCache pages, IoBuffer source, long position) throws ErrnoException {
        JobControl.acquire(content.lock());
        try {
            long at = position == AT_END ? end(open, pages) : position;
            long count = writeLocked(open, pages, source, at);
            return position == AT_END ? at + count : count;
        } finally {
            content.lock().unlock();
        }
    }

    private long end(Handle open, PageCache pages) throws ErrnoException {
        return open.descriptor >= 0 && (pages == null || !content.writesBack()) ? Errno.check(HostFile.size(open.descriptor))
                : pages != null && inode.ninep().isExclusive() ? pages.sizeBytes() : inode.attributes().sizeBytes();
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        return store(source, AT_END);
    }

    private long writeLocked(Handle open, PageCache made, IoBuffer source, long position) throws ErrnoException {
        PageCache pages = made == null ? content.pages() : made; // somebody may have mapped the file meanwhile
        if (pages != null && content.writesBack()) {
            long count = pages.write(source, position);
            content.wrote();
            return count;
        }
        inode.changed();
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
        inode.ninep().settleRemovals(); // a journal that is gone must not come back behind what is stored here
        try {
            content.writeBack();
        } catch (ErrnoException e) {
            if (!content.writesBack() || e.errno() == ERESTARTSYS) {
                throw e;
            } // told below, to every open file once
        }
        if (isWritable || !inode.ninep().isReadOnly()) {
            content.sync(dataOnly, isWritable);
        }
        tellErrors();
    }

    private void tellErrors() throws ErrnoException {
        synchronized (this) {
            int told = content.errors.advance(toldErrors);
            if (told == toldErrors) {
                return;
            }
            toldErrors = told;
        }
        throw content.errors.error();
    }

    @Override
    public void flush() throws ErrnoException {
        tellErrors();
    }

    @Override
    public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
        Handle open = handle();
        if (open.descriptor < 0) {
            throw EOPNOTSUPP.error("the protocol cannot allocate");
        }
        JobControl.acquire(content.lock());
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
        if (isWritable && content.pages() != null && !content.writesBack()) {
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
