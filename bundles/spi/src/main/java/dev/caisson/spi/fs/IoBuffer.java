package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import java.lang.foreign.MemorySegment;

/**
 * Where file data goes to or comes from: a sequence of native memory runs, usually guest memory behind an iovec. A file takes
 * runs one by one and copies to or from them directly; there is no intermediate buffer.
 *
 * <p>Guests may write to the memory while it is being read: a file that looks at the content copies it first. Not thread-safe.
 */
public interface IoBuffer {
    /** {@return bytes not yet consumed} */
    long remaining();

    /**
     * The next run. Calling it again without {@link #advance} gives the same run.
     *
     * @return native (never heap) memory, 1 to {@link #remaining} bytes
     * @throws ErrnoException EFAULT when the next byte is not accessible. A file that has transferred something already returns the
     *     short count instead
     */
    MemorySegment run() throws ErrnoException;

    /**
     * Consumes bytes of the current run.
     *
     * @param lengthBytes at most the size of the current run
     */
    void advance(long lengthBytes);

    /**
     * Copies from a segment into this buffer and advances, stopping early at a fault.
     *
     * @param source bytes to copy, heap or native
     * @param offset first byte
     * @param lengthBytes how many at most
     * @return bytes copied: the least of lengthBytes, remaining, and what was accessible
     * @throws ErrnoException EFAULT when not even one byte could be copied though some were wanted
     */
    default long put(MemorySegment source, long offset, long lengthBytes) throws ErrnoException {
        long wanted = Math.min(lengthBytes, remaining());
        long done = 0;
        while (done < wanted) {
            MemorySegment run;
            try {
                run = run();
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            long step = Math.min(run.byteSize(), wanted - done);
            MemorySegment.copy(source, offset + done, run, 0, step);
            advance(step);
            done += step;
        }
        return done;
    }

    /**
     * Copies from this buffer into a segment and advances, stopping early at a fault.
     *
     * @param target where to, heap or native
     * @param offset first byte
     * @param lengthBytes how many at most
     * @return bytes copied, as for {@link #put}
     * @throws ErrnoException EFAULT when not even one byte could be copied though some were wanted
     */
    default long get(MemorySegment target, long offset, long lengthBytes) throws ErrnoException {
        long wanted = Math.min(lengthBytes, remaining());
        long done = 0;
        while (done < wanted) {
            MemorySegment run;
            try {
                run = run();
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            long step = Math.min(run.byteSize(), wanted - done);
            MemorySegment.copy(run, 0, target, offset + done, step);
            advance(step);
            done += step;
        }
        return done;
    }

    /**
     * A buffer over kernel memory.
     *
     * @param segment native memory
     * @return a buffer that covers it
     */
    static IoBuffer of(MemorySegment segment) {
        return new SegmentBuffer(segment);
    }
}
