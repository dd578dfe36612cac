package dev.caisson.fs.dev.stdio;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.PageCache;
import dev.caisson.memory.PageSource;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.MemorySegment;

/**
 * A regular file of the host that the sandbox was started with. The host's descriptor is shared with the caller, and so is its offset:
 * either goes on where the other stopped, at any time.
 */
final class HostOffsetFile extends OpenFile {
    private final int fd;
    private final boolean isAppending;
    private final MemoryFile memory;
    private PageCache pages;

    /**
     * Takes over a descriptor.
     *
     * @param fd closed with this file
     * @param flags its {@code O_*} flags
     * @param memory where mapped pages live
     */
    HostOffsetFile(int fd, int flags, MemoryFile memory) {
        this.fd = fd;
        this.isAppending = (flags & Fcntl.O_APPEND) != 0;
        this.memory = memory;
    }

    @Override
    public boolean keepsOffset() {
        return true;
    }

    @Override
    public long offset() throws ErrnoException {
        return Errno.check(HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        return target.transfer(Long.MAX_VALUE, (run, bytes, done) -> position < 0 ? HostFile.read(fd, run.address(), bytes)
                : HostFile.pread(fd, run.address(), bytes, position + done));
    }

    /** Writes at a position, or where the host puts it: at its offset, or at the end when the descriptor has O_APPEND. */
    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        return source.transfer(Long.MAX_VALUE, (run, bytes, done) -> position < 0 ? HostFile.write(fd, run.address(), bytes)
                : HostFile.pwrite(fd, run.address(), bytes, position + done));
    }

    @Override
    public synchronized long append(IoBuffer source) throws ErrnoException {
        if (!isAppending) {
            // The guest asked for O_APPEND by fcntl; the caller's descriptor stays as it is.
            long end = sizeBytes();
            return seek(end + write(source, end));
        }
        write(source, NO_POSITION);
        return offset();
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return Errno.check(HostFile.size(fd));
    }

    @Override
    public long seek(long position) throws ErrnoException {
        if (position < 0) {
            throw Errno.EINVAL.error();
        }
        return Errno.check(HostFile.seek(fd, position, Fcntl.SEEK_SET));
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        Errno.check(dataOnly ? HostFile.syncData(fd) : HostFile.sync(fd));
    }

    @Override
    public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
        Errno.check(HostFile.allocate(fd, mode, position, lengthBytes));
    }

    @Override
    public synchronized Mappable mappable() throws ErrnoException {
        if (pages == null) {
            pages = new PageCache(memory, new Source(fd), PageCache.WritePolicy.THROUGH, this);
        } else {
            // Reads and writes go to the host directly.
            pages.resize(sizeBytes());
            pages.invalidate(0, Long.MAX_VALUE);
        }
        return pages;
    }

    @Override
    public synchronized void close() {
        if (pages != null) {
            try {
                pages.close();
            } catch (ErrnoException e) {
                // Nobody is left to be told.
            }
        }
        HostFile.close(fd);
    }

    private record Source(int fd) implements PageSource {
        @Override
        public long read(long offset, MemorySegment target) throws ErrnoException {
            return Errno.check(HostFile.pread(fd, target.address(), target.byteSize(), offset));
        }

        @Override
        public void write(long offset, MemorySegment source) throws ErrnoException {
            Errno.check(HostFile.pwrite(fd, source.address(), source.byteSize(), offset));
        }

        @Override
        public long sizeBytes() throws ErrnoException {
            return Errno.check(HostFile.size(fd));
        }
    }
}
