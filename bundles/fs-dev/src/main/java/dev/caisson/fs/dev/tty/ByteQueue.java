package dev.caisson.fs.dev.tty;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;

/** A bounded queue of bytes that grows as needed. Guarded by its terminal's lock. */
final class ByteQueue {
    private final int limit;
    private byte[] bytes = new byte[512];
    private int head;
    private int size;

    ByteQueue(int limit) {
        this.limit = limit;
    }

    int size() {
        return size;
    }

    int room() {
        return limit - size;
    }

    /** Adds a byte; drops it when the queue is full. */
    void put(int c) {
        if (size == bytes.length) {
            if (size >= limit) {
                return;
            }
            byte[] more = new byte[Math.min(limit, size * 2)];
            for (int i = 0; i < size; i++) {
                more[i] = bytes[(head + i) % bytes.length];
            }
            bytes = more;
            head = 0;
        }
        bytes[(head + size) % bytes.length] = (byte) c;
        size++;
    }

    /** Moves bytes to a reader. */
    long drainTo(IoBuffer target) throws ErrnoException {
        long done = 0;
        MemorySegment all = MemorySegment.ofArray(bytes);
        while (size > 0 && target.remaining() > 0) {
            int run = Math.min(size, bytes.length - head);
            long step;
            try {
                step = target.put(all, head, run);
            } catch (ErrnoException fault) {
                if (done > 0) {
                    return done;
                }
                throw fault;
            }
            if (step == 0) {
                break;
            }
            head = (int) ((head + step) % bytes.length);
            size -= (int) step;
            done += step;
        }
        return done;
    }

    void clear() {
        head = 0;
        size = 0;
    }
}
