package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A counter behind a descriptor, eventfd(2). The counter is unsigned and at most 2^64-2. */
public final class EventFile extends OpenFile {
    private static final long MAX = -2;

    private static final AtomicInteger IDS = new AtomicInteger();

    private final int id = IDS.getAndIncrement();
    private final boolean semaphore;
    private final AtomicLong count;
    private final WaitQueue queue = new WaitQueue();

    /**
     * Makes a counter.
     *
     * @param initial first value
     * @param semaphore whether a read takes 1 rather than all
     */
    public EventFile(int initial, boolean semaphore) {
        this.count = new AtomicLong(initial & 0xffffffffL);
        this.semaphore = semaphore;
    }

    /** {@return a number of its own, for /proc/PID/fdinfo} */
    public int id() {
        return id;
    }

    /** {@return whether a read takes 1} */
    public boolean isSemaphore() {
        return semaphore;
    }

    /** {@return the value, for /proc/PID/fdinfo} */
    public long count() {
        return count.get();
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public boolean ignoresSeeks() {
        return true;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (target.remaining() < 8) {
            throw EINVAL.error();
        }
        long old;
        long taken;
        do {
            old = count.get();
            if (old == 0) {
                return WOULD_BLOCK;
            }
            taken = semaphore ? 1 : old;
        } while (!count.compareAndSet(old, old - taken));
        queue.notify(POLLOUT);
        return target.putNumber(taken);
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        if (source.remaining() != 8) {
            throw EINVAL.error();
        }
        long added;
        MemorySegment run = source.run();
        if (run.byteSize() >= 8) {
            added = run.get(U64, 0);
        } else {
            MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
            if (source.get(bytes, 0, 8) < 8) {
                throw EFAULT.error();
            }
            added = bytes.get(U64, 0);
        }
        if (added == -1) {
            throw EINVAL.error();
        }
        if (!add(added)) {
            // The caller repeats the call with a buffer at its start: see BlockingIo.
            return WOULD_BLOCK;
        }
        if (run.byteSize() >= 8) {
            source.advance(8);
        }
        return 8;
    }

    /**
     * Adds to the counter.
     *
     * @param added unsigned
     * @return false when the counter would overflow; it is then unchanged
     */
    public boolean add(long added) {
        long old;
        do {
            old = count.get();
            if (Long.compareUnsigned(MAX - old, added) < 0) {
                return false;
            }
        } while (!count.compareAndSet(old, old + added));
        queue.notify(POLLIN);
        return true;
    }

    @Override
    public int readiness(int mask) {
        long now = count.get();
        int ready = 0;
        if (now != 0) {
            ready |= POLLIN;
        }
        if (now == -1) {
            ready |= POLLERR;
        }
        if (Long.compareUnsigned(now, MAX) < 0) {
            ready |= POLLOUT;
        }
        return ready & (mask | 0x18);
    }

    @Override
    public WaitQueue waitQueue() {
        return queue;
    }
}
