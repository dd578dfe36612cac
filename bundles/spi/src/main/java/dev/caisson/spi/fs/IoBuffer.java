package dev.caisson.spi.fs;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
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
        return copy(source, offset, lengthBytes, true);
    }

    /**
     * Copies a number into this buffer and advances.
     *
     * @param value 8 bytes
     * @return 8
     * @throws ErrnoException EFAULT when not all of it could be copied, as put_user() of the kernel has it
     */
    default long putNumber(long value) throws ErrnoException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[Long.BYTES]);
        bytes.set(Layouts.U64, 0, value);
        if (put(bytes, 0, Long.BYTES) < Long.BYTES) {
            throw Errno.EFAULT.error();
        }
        return Long.BYTES;
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
        return copy(target, offset, lengthBytes, false);
    }

    private long copy(MemorySegment other, long offset, long lengthBytes, boolean intoThis) throws ErrnoException {
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
            if (intoThis) {
                MemorySegment.copy(other, offset + done, run, 0, step);
            } else {
                MemorySegment.copy(run, 0, other, offset + done, step);
            }
            advance(step);
            done += step;
        }
        return done;
    }

    /** Moves bytes between a run and something else, for {@link #transfer}. */
    @FunctionalInterface
    interface Mover {
        /**
         * Moves the start of a run.
         *
         * @param run native memory
         * @param lengthBytes how much of it, at least 1
         * @param done bytes moved by this transfer so far
         * @return bytes moved; fewer than wanted or 0 when no more goes; {@link OpenFile#WOULD_BLOCK} or another negated error number
         * @throws ErrnoException instead of a negated error number
         */
        long move(MemorySegment run, long lengthBytes, long done) throws ErrnoException;
    }

    /**
     * Moves run after run, until no more goes. An error after something was moved makes a short count.
     *
     * @param mostAtOnce largest part of a run to move in one step
     * @param mover moves a part of a run
     * @return bytes moved, or {@link OpenFile#WOULD_BLOCK}
     * @throws ErrnoException EFAULT, or what the mover failed with
     */
    default long transfer(long mostAtOnce, Mover mover) throws ErrnoException {
        long done = 0;
        try {
            while (remaining() > 0) {
                MemorySegment run = run();
                long wanted = Math.min(run.byteSize(), mostAtOnce);
                long moved = mover.move(run, wanted, done);
                if (moved <= 0) {
                    return done > 0 ? done : moved == OpenFile.WOULD_BLOCK ? moved : Errno.check(moved);
                }
                advance(moved);
                done += moved;
                if (moved < wanted) {
                    break;
                }
            }
        } catch (ErrnoException e) {
            if (done == 0) {
                throw e;
            }
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
