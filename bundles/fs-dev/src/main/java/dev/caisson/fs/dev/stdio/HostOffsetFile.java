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
 * A regular file of the host that the sandbox was started with. The host's descriptor is shared with the caller, so its offset follows
 * each transfer: what the caller's next program reads or writes starts where the guest stopped.
 *
 * <p>Deviation: pread and pwrite of the guest move that offset as well, until the next read or write.
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
    public long read(IoBuffer target, long position) throws ErrnoException {
        long done = 0;
        while (target.remaining() > 0) {
            MemorySegment run;
            try {
                run = target.run();
            } catch (ErrnoException fault) {
                if (done > 0) {
                    break;
                }
                throw fault;
            }
            long got = HostFile.pread(fd, run.address(), run.byteSize(), position + done);
            if (got < 0 && done == 0) {
                throw Errno.of(got).error();
            }
            if (got <= 0) {
                break;
            }
            target.advance(got);
            done += got;
            if (got < run.byteSize()) {
                break;
            }
        }
        HostFile.seek(fd, position + done, Fcntl.SEEK_SET);
        return done;
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        long done = transfer(source, position);
        if (!isAppending) {
            HostFile.seek(fd, position + done, Fcntl.SEEK_SET);
        }
        return done;
    }

    /** Writes at a position, or at the end where the host puts it when the descriptor has O_APPEND. */
    private long transfer(IoBuffer source, long position) throws ErrnoException {
        long done = 0;
        while (source.remaining() > 0) {
            MemorySegment run;
            try {
                run = source.run();
            } catch (ErrnoException fault) {
                if (done > 0) {
                    break;
                }
                throw fault;
            }
            long put = position < 0 ? HostFile.write(fd, run.address(), run.byteSize())
                    : HostFile.pwrite(fd, run.address(), run.byteSize(), position + done);
            if (put < 0 && done == 0) {
                throw Errno.of(put).error();
            }
            if (put <= 0) {
                break;
            }
            source.advance(put);
            done += put;
            if (put < run.byteSize()) {
                break;
            }
        }
        return done;
    }

    @Override
    public synchronized long append(IoBuffer source) throws ErrnoException {
        if (!isAppending) {
            // The guest asked for O_APPEND by fcntl; the caller's descriptor stays as it is.
            long end = sizeBytes();
            return end + write(source, end);
        }
        transfer(source, NO_POSITION);
        return Errno.check(HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
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
        HostFile.seek(fd, position, Fcntl.SEEK_SET);
        return position;
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
