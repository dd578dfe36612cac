package dev.caisson.spi.fs;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENOTTY;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.wait.Pollable;
import dev.caisson.spi.wait.WaitQueue;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A file that was opened: the operations behind a file description. It never blocks for an event: it answers
 * {@link #WOULD_BLOCK} and announces on its {@link #waitQueue}, and the caller waits. The description above it keeps offset, status
 * flags and reference count, and has checked the access mode.
 *
 * <p>Safe for use by many tasks at once; the description serialises calls that use the shared offset.
 */
@ConsumerType
public abstract class OpenFile implements Pollable {
    /** Result of a transfer that is not possible now. */
    public static final long WOULD_BLOCK = -11;

    /** The position of a transfer on a file without positions. */
    public static final long NO_POSITION = -1;

    /** For subclasses. */
    protected OpenFile() {}

    /** {@return whether lseek(2), pread(2) and pwrite(2) work; else they are ESPIPE and positions are {@link #NO_POSITION}} */
    public boolean isSeekable() {
        return true;
    }

    /**
     * Whether lseek(2) on a file without positions succeeds and changes nothing, as on event counters, instead of ESPIPE.
     *
     * @return whether it does
     */
    public boolean ignoresSeeks() {
        return false;
    }

    /**
     * Whether the file keeps the offset itself, because others move it, too: a file of the host that the caller shares. Transfers at the
     * offset then come with {@link #NO_POSITION}.
     *
     * @return whether it does; the default leaves it to the description
     */
    public boolean keepsOffset() {
        return false;
    }

    /**
     * The offset, of a file that keeps it itself.
     *
     * @return bytes from the start
     * @throws ErrnoException EIO
     */
    public long offset() throws ErrnoException {
        throw new UnsupportedOperationException("the description has the offset");
    }

    /**
     * Reads.
     *
     * @param target where to; a request of 0 bytes is answered above
     * @param position offset in the file, or {@link #NO_POSITION}
     * @return bytes read, 0 at the end, or {@link #WOULD_BLOCK}
     * @throws ErrnoException EINVAL when the file cannot be read, EISDIR, EFAULT, EIO
     */
    public long read(IoBuffer target, long position) throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Writes.
     *
     * @param source where from
     * @param position offset in the file, or {@link #NO_POSITION}
     * @return bytes written (a short count is possible), or {@link #WOULD_BLOCK}
     * @throws ErrnoException EINVAL, EFAULT, ENOSPC, EFBIG, EPIPE (the caller sends SIGPIPE), EIO
     */
    public long write(IoBuffer source, long position) throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Writes at the end, atomically with finding it (O_APPEND).
     *
     * @param source where from
     * @return the position behind what was written (not a count), or {@link #WOULD_BLOCK}; the count shows in {@link IoBuffer#remaining}
     * @throws ErrnoException as {@link #write}
     */
    public long append(IoBuffer source) throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Size for SEEK_END and for transfers that must end there.
     *
     * @return bytes
     * @throws ErrnoException EINVAL when there is no such thing, EIO
     */
    public long sizeBytes() throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Finds data or a hole, for SEEK_DATA and SEEK_HOLE. The default knows no holes.
     *
     * @param position where to start, from 0 to the size
     * @param hole whether a hole is wanted
     * @return where it starts
     * @throws ErrnoException ENXIO
     */
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        long size = sizeBytes();
        if (position >= size) {
            throw dev.caisson.abi.Errno.ENXIO.error();
        }
        return hole ? size : position;
    }

    /**
     * The position behind a seek by the file's own rules (directories, /proc files); the default accepts every position from 0.
     *
     * @param position the new position
     * @return the position to keep
     * @throws ErrnoException EINVAL
     */
    public long seek(long position) throws ErrnoException {
        if (position < 0) {
            throw EINVAL.error();
        }
        return position;
    }

    /**
     * Reads directory entries, starting with "." and "..".
     *
     * @param position 0, or a {@code nextPosition} that was given before
     * @param sink takes entries until it has no more room
     * @return the position behind the last entry taken
     * @throws ErrnoException ENOTDIR, ENOENT when the directory was removed
     */
    public long readDirectory(long position, DirectorySink sink) throws ErrnoException {
        throw ENOTDIR.error();
    }

    /**
     * Stores the content.
     *
     * @param dataOnly fdatasync(2)
     * @throws ErrnoException EINVAL when there is nothing to store to (pipes, sockets), EIO, ENOSPC
     */
    public void sync(boolean dataOnly) throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Allocates or frees space, fallocate(2).
     *
     * @param mode {@code FALLOC_FL_*}
     * @param position start
     * @param lengthBytes length, positive
     * @throws ErrnoException EOPNOTSUPP, ENOSPC, EFBIG
     */
    public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * An ioctl(2) that is not generic.
     *
     * @param memory the caller's memory
     * @param command the request
     * @param argument address or value
     * @return the result
     * @throws ErrnoException ENOTTY when the request is unknown
     */
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        throw ENOTTY.error();
    }

    /**
     * What mmap(2) maps.
     *
     * @return the pages of this file
     * @throws ErrnoException ENODEV when it cannot be mapped
     */
    public Mappable mappable() throws ErrnoException {
        throw ENODEV.error();
    }

    /**
     * Status flags that the file itself must know (O_NONBLOCK, O_APPEND, O_DIRECT, FASYNC) changed by fcntl(2).
     *
     * @param flags new status flags
     * @throws ErrnoException EINVAL
     */
    public void statusChanged(int flags) throws ErrnoException {}

    /** {@return how long a read that must wait waits at most, in nanoseconds (SO_RCVTIMEO); 0 for ever} */
    public long readTimeoutNs() {
        return 0;
    }

    /** {@return how long a write that must wait waits at most, in nanoseconds (SO_SNDTIMEO); 0 for ever} */
    public long writeTimeoutNs() {
        return 0;
    }

    @Override
    public int readiness(int mask) {
        return mask & 0x145;
    }

    @Override
    public WaitQueue waitQueue() {
        return null;
    }

    /** A descriptor that refers to this file was closed (for record locks and the flush of network filesystems). */
    public void flush() throws ErrnoException {}

    /** The last reference is gone. */
    public void close() {}
}
