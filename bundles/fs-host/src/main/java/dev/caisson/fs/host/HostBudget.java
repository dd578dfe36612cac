package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How much of the host's disk the files of a layer may take. Counted are the blocks of each file ({@code st_blocks}) and, for what the host
 * keeps elsewhere, {@link #FILE_BYTES} for each file.
 */
final class HostBudget {
    /** What a file counts besides its blocks. */
    static final long FILE_BYTES = 1024;

    private static final long BLOCK_BYTES = 4096;

    private final long limitBytes;
    private final AtomicLong used = new AtomicLong();

    HostBudget(long limitBytes, long usedBytes) {
        this.limitBytes = limitBytes;
        used.set(usedBytes);
    }

    long usedBytes() {
        return Math.max(0, used.get());
    }

    /** What is used was counted anew. */
    void usedBytes(long now) {
        used.set(now);
    }

    long freeBytes() {
        return Math.max(0, limitBytes - used.get());
    }

    /** Takes room, all or nothing. */
    void take(long bytes) throws ErrnoException {
        if (!tryTake(bytes)) {
            throw ENOSPC.error();
        }
    }

    boolean tryTake(long bytes) {
        long before = used.get();
        while (before + bytes <= limitBytes) {
            if (used.compareAndSet(before, before + bytes)) {
                return true;
            }
            before = used.get();
        }
        return false;
    }

    void give(long bytes) {
        used.addAndGet(-bytes);
    }

    /** What an allocation of so many bytes may take at most: whole blocks, and those that tell where they are. */
    static long roomFor(long bytes) {
        return bytes + 3 * BLOCK_BYTES;
    }

    /** How much may be written, when {@link #roomFor} the whole is not there. */
    long fitting(long bytes) {
        return Math.min(bytes, (freeBytes() - 3 * BLOCK_BYTES) & -BLOCK_BYTES);
    }
}
