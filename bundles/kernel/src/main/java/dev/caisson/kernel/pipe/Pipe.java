package dev.caisson.kernel.pipe;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRNORM;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.wait.WaitQueue;

/**
 * The buffer of a pipe and the count of its open ends.
 *
 * <p>Room is counted in pages as Linux does ({@link PipeSlots}), though the bytes are kept in one ring: so a pipe is as full, and as ready
 * for writing, as a program knows it.
 */
public final class Pipe {
    /** Writes of up to this many bytes are never mixed with others. */
    public static final int PIPE_BUF = 4096;
    /** Size of a new pipe. */
    public static final int DEFAULT_BYTES = 65536;
    /** What F_SETPIPE_SZ allows without CAP_SYS_RESOURCE: /proc/sys/fs/pipe-max-size. */
    public static final int MAX_BYTES = 1 << 20;

    private static final int READABLE = POLLIN | POLLRDNORM;
    private static final int WRITABLE = POLLOUT | POLLWRNORM;

    private final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    private final WaitQueue queue = new WaitQueue();

    /** All guarded by {@link #lock}. */
    private final ByteRing ring = new ByteRing();
    private final PipeSlots slots = new PipeSlots();
    private volatile int capacity = DEFAULT_BYTES;
    private int readers;
    private int writers;
    /** Opens since the beginning: who waits for the other side sees that it came, even when it is gone again. */
    private int readerOpens;
    private int writerOpens;

    /** Makes a pipe that nobody has open. */
    public Pipe() {}

    WaitQueue queue() {
        return queue;
    }

    /** {@return size in bytes, F_GETPIPE_SZ} */
    public int capacityBytes() {
        return capacity;
    }

    /** {@return bytes that can be read, FIONREAD} */
    public int available() {
        lock.lock();
        try {
            return ring.used();
        } finally {
            lock.unlock();
        }
    }

    /** {@return bytes that can be written without waiting} */
    public int room() {
        lock.lock();
        try {
            return roomLocked();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Changes the size, F_SETPIPE_SZ.
     *
     * @param wantedBytes rounded up to a power of two of at least a page
     * @param credentials CAP_SYS_RESOURCE lifts the limit
     * @return the new size
     * @throws ErrnoException EINVAL, EPERM beyond the limit, EBUSY when the content does not fit
     */
    public int resize(int wantedBytes, Credentials credentials) throws ErrnoException {
        long wanted = wantedBytes & 0xffffffffL;
        if (wanted > 1L << 31) {
            throw EINVAL.error();
        }
        long size = wanted <= PIPE_BUF ? PIPE_BUF : Long.highestOneBit(wanted - 1) << 1;
        lock.lock();
        try {
            if (size > capacity && size > MAX_BYTES && (!credentials.has(Capability.CAP_SYS_RESOURCE) || size > 1 << 30)) {
                throw EPERM.error();
            }
            if (slots.count() > size / PIPE_BUF) {
                throw EBUSY.error();
            }
            capacity = (int) size;
        } finally {
            lock.unlock();
        }
        queue.notify(WRITABLE);
        return (int) size;
    }

    long read(IoBuffer target) throws ErrnoException {
        boolean wasFull;
        boolean isFull;
        long done = 0;
        lock.lock();
        try {
            if (slots.isEmpty()) {
                return writers == 0 ? 0 : WOULD_BLOCK;
            }
            wasFull = isFullLocked();
            while (!slots.isEmpty() && target.remaining() > 0) {
                int step = (int) Math.min(slots.firstLeft(), target.remaining());
                int copied;
                try {
                    copied = ring.drain(target, step);
                } catch (ErrnoException fault) {
                    if (done == 0) {
                        throw fault;
                    }
                    break;
                }
                done += copied;
                if (slots.isFirstPacket()) {
                    ring.skip(slots.firstLeft() - copied); // the rest of a packet is lost
                    slots.consume(slots.firstLeft());
                    break;
                }
                slots.consume(copied);
                if (copied < step) {
                    break;
                }
            }
            isFull = isFullLocked();
        } finally {
            lock.unlock();
        }
        if (wasFull && !isFull) {
            queue.notify(WRITABLE);
        }
        return done;
    }

    long write(IoBuffer source, boolean asPackets) throws ErrnoException {
        long done;
        lock.lock();
        try {
            if (readers == 0) {
                throw EPIPE.error();
            }
            done = writeLocked(source, source.remaining(), asPackets);
        } finally {
            lock.unlock();
        }
        if (done > 0) {
            queue.notify(READABLE);
        }
        return done;
    }

    private long writeLocked(IoBuffer source, long wanted, boolean asPackets) throws ErrnoException {
        long done = 0;
        int odd = (int) (wanted & PIPE_BUF - 1);
        if (odd != 0 && !asPackets && slots.mergesIntoLast(odd)) {
            fillWhole(source, odd);
            slots.merge(odd);
            done = odd;
        }
        while (done < wanted) {
            if (isFullLocked()) {
                return done == 0 ? WOULD_BLOCK : done;
            }
            int step = (int) Math.min(wanted - done, PIPE_BUF);
            try {
                fillWhole(source, step);
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            slots.add(step, asPackets);
            done += step;
        }
        return done;
    }

    /** Copies all bytes of a page, or none: they are not to be seen in parts. */
    private void fillWhole(IoBuffer source, int lengthBytes) throws ErrnoException {
        int copied = ring.fill(source, lengthBytes);
        if (copied < lengthBytes) {
            ring.unfill(copied);
            throw EFAULT.error();
        }
    }

    /**
     * Copies what is in the pipe, for tee(2).
     *
     * @param maxBytes at most this many
     * @return the bytes; empty at the end; null when there are none yet
     */
    public byte[] peek(int maxBytes) {
        lock.lock();
        try {
            if (ring.used() == 0 && writers > 0) {
                return null;
            }
            return ring.copy(0, Math.min(maxBytes, ring.used()));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes bytes out, for splice(2).
     *
     * @param maxBytes at most this many
     * @return the bytes; empty at the end; null when there are none yet
     */
    public byte[] take(int maxBytes) {
        byte[] taken;
        lock.lock();
        try {
            if (ring.used() == 0 && writers > 0) {
                return null;
            }
            int length = Math.min(maxBytes, ring.used());
            taken = ring.copy(0, length);
            ring.skip(length);
            for (int left = length; left > 0;) {
                int step = Math.min(left, slots.firstLeft());
                slots.consume(step);
                left -= step;
            }
        } finally {
            lock.unlock();
        }
        if (taken.length > 0) {
            queue.notify(WRITABLE);
        }
        return taken;
    }

    /**
     * Puts bytes back that {@link #take} gave and that could not be passed on. They go to the front, even beyond the capacity.
     *
     * @param bytes where they are
     * @param offset the first that goes back
     */
    public void putBack(byte[] bytes, int offset) {
        if (offset == bytes.length) {
            return;
        }
        lock.lock();
        try {
            ring.prepend(bytes, offset, bytes.length - offset);
            slots.addFirst(bytes.length - offset);
        } finally {
            lock.unlock();
        }
        queue.notify(READABLE);
    }

    /**
     * Puts bytes in that came out of another file and cannot go back there, even beyond the capacity.
     *
     * @param bytes where they are
     * @param lengthBytes how many
     * @throws ErrnoException EPIPE without readers
     */
    public void push(byte[] bytes, int lengthBytes) throws ErrnoException {
        lock.lock();
        try {
            if (readers == 0) {
                throw EPIPE.error();
            }
            ring.append(bytes, 0, lengthBytes);
            for (int left = lengthBytes; left > 0; left -= PIPE_BUF) {
                slots.add(Math.min(left, PIPE_BUF), false);
            }
        } finally {
            lock.unlock();
        }
        queue.notify(READABLE);
    }

    /** {@return whether anybody could read what is written} */
    public boolean hasReaders() {
        lock.lock();
        try {
            return readers > 0;
        } finally {
            lock.unlock();
        }
    }

    /** {@return whether anybody could write more} */
    public boolean hasWriters() {
        lock.lock();
        try {
            return writers > 0;
        } finally {
            lock.unlock();
        }
    }

    int readerOpens() {
        lock.lock();
        try {
            return readerOpens;
        } finally {
            lock.unlock();
        }
    }

    int writerOpens() {
        lock.lock();
        try {
            return writerOpens;
        } finally {
            lock.unlock();
        }
    }

    void opened(boolean reads, boolean writes) {
        lock.lock();
        try {
            if (reads) {
                readers++;
                readerOpens++;
            }
            if (writes) {
                writers++;
                writerOpens++;
            }
        } finally {
            lock.unlock();
        }
        queue.notify((reads ? WRITABLE : 0) | (writes ? READABLE : 0));
    }

    void closed(boolean reads, boolean writes) {
        boolean lastReader;
        boolean lastWriter;
        lock.lock();
        try {
            readers -= reads ? 1 : 0;
            writers -= writes ? 1 : 0;
            lastReader = reads && readers == 0;
            lastWriter = writes && writers == 0;
            if (readers == 0 && writers == 0) {
                ring.clear();
                slots.clear();
            }
        } finally {
            lock.unlock();
        }
        if (lastReader) {
            queue.notify(WRITABLE | POLLERR);
        }
        if (lastWriter) {
            queue.notify(READABLE | POLLHUP);
        }
    }

    /**
     * What can be done at an end.
     *
     * @param reads whether it is a reading end
     * @param writes whether it is a writing end
     * @param writersSeen {@link #writerOpens} when the reading end was opened without writers; POLLHUP waits for one to come and go
     * @return poll(2) events
     */
    int readiness(boolean reads, boolean writes, int writersSeen) {
        lock.lock();
        try {
            int ready = 0;
            if (reads) {
                if (ring.used() > 0) {
                    ready |= READABLE;
                }
                if (writers == 0 && writerOpens != writersSeen) {
                    ready |= POLLHUP;
                }
            }
            if (writes) {
                if (!isFullLocked()) {
                    ready |= WRITABLE;
                }
                if (readers == 0) {
                    ready |= POLLERR;
                }
            }
            return ready;
        } finally {
            lock.unlock();
        }
    }

    private boolean isFullLocked() {
        return slots.count() >= capacity / PIPE_BUF;
    }

    private int roomLocked() {
        return Math.max(0, capacity / PIPE_BUF - slots.count()) * PIPE_BUF;
    }
}
