package dev.caisson.kernel.pipe;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A queue of bytes that grows by doubling up to what is put in; who uses it decides about limits. Holds heap memory, so that pipes and
 * sockets need no release. Not thread-safe.
 */
public final class ByteRing {
    private static final int FIRST_BYTES = 4096;
    private static final byte[] NONE = new byte[0];

    private byte[] bytes = NONE;
    private MemorySegment segment = MemorySegment.ofArray(NONE);
    private int head;
    private int used;

    /** Makes an empty queue. */
    public ByteRing() {}

    /** {@return bytes in the queue} */
    public int used() {
        return used;
    }

    /**
     * Appends bytes of a buffer. When not all of them are accessible, what was copied stays.
     *
     * @param source advances by what was copied
     * @param lengthBytes how many, at most its remaining
     * @return bytes copied
     * @throws ErrnoException EFAULT when none was
     */
    public int fill(IoBuffer source, int lengthBytes) throws ErrnoException {
        reserve(lengthBytes);
        int done = 0;
        while (done < lengthBytes) {
            int tail = head + used & bytes.length - 1;
            int step = Math.min(lengthBytes - done, bytes.length - tail);
            int copied;
            try {
                copied = (int) source.get(segment, tail, step);
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            used += copied;
            done += copied;
            if (copied < step) {
                break;
            }
        }
        return done;
    }

    /**
     * Takes bytes from the front.
     *
     * @param target advances by what was copied
     * @param lengthBytes how many, at most used
     * @return bytes copied and removed
     * @throws ErrnoException EFAULT when none was
     */
    public int drain(IoBuffer target, int lengthBytes) throws ErrnoException {
        int done = peek(target, 0, lengthBytes);
        skip(done);
        return done;
    }

    /**
     * Copies bytes without removing them.
     *
     * @param target advances by what was copied
     * @param from first byte, counted from the front
     * @param lengthBytes how many; from plus this is at most used
     * @return bytes copied
     * @throws ErrnoException EFAULT when none was
     */
    public int peek(IoBuffer target, int from, int lengthBytes) throws ErrnoException {
        int done = 0;
        while (done < lengthBytes) {
            int at = head + from + done & bytes.length - 1;
            int step = Math.min(lengthBytes - done, bytes.length - at);
            int copied;
            try {
                copied = (int) target.put(segment, at, step);
            } catch (ErrnoException fault) {
                if (done == 0) {
                    throw fault;
                }
                return done;
            }
            done += copied;
            if (copied < step) {
                break;
            }
        }
        return done;
    }

    /**
     * Removes bytes from the front.
     *
     * @param lengthBytes how many, at most used
     */
    public void skip(int lengthBytes) {
        used -= lengthBytes;
        head = used == 0 ? 0 : head + lengthBytes & bytes.length - 1;
    }

    /**
     * Removes bytes from the end, the last ones that were put in.
     *
     * @param lengthBytes how many, at most used
     */
    public void unfill(int lengthBytes) {
        used -= lengthBytes;
    }

    /**
     * Appends bytes.
     *
     * @param source where from
     * @param offset first byte
     * @param lengthBytes how many
     */
    public void append(byte[] source, int offset, int lengthBytes) {
        reserve(lengthBytes);
        int tail = head + used & bytes.length - 1;
        int first = Math.min(lengthBytes, bytes.length - tail);
        System.arraycopy(source, offset, bytes, tail, first);
        System.arraycopy(source, offset + first, bytes, 0, lengthBytes - first);
        used += lengthBytes;
    }

    /**
     * Puts bytes before the front.
     *
     * @param source where from
     * @param offset first byte
     * @param lengthBytes how many
     */
    public void prepend(byte[] source, int offset, int lengthBytes) {
        reserve(lengthBytes);
        head = head - lengthBytes & bytes.length - 1;
        int first = Math.min(lengthBytes, bytes.length - head);
        System.arraycopy(source, offset, bytes, head, first);
        System.arraycopy(source, offset + first, bytes, 0, lengthBytes - first);
        used += lengthBytes;
    }

    /**
     * Copies bytes without removing them.
     *
     * @param from first byte, counted from the front
     * @param lengthBytes how many; from plus this is at most used
     * @return a copy
     */
    public byte[] copy(int from, int lengthBytes) {
        byte[] copy = new byte[lengthBytes];
        if (lengthBytes > 0) {
            int at = head + from & bytes.length - 1;
            int first = Math.min(lengthBytes, bytes.length - at);
            System.arraycopy(bytes, at, copy, 0, first);
            System.arraycopy(bytes, 0, copy, first, lengthBytes - first);
        }
        return copy;
    }

    /** Empties it and gives its memory back. */
    public void clear() {
        bytes = NONE;
        segment = MemorySegment.ofArray(NONE);
        head = 0;
        used = 0;
    }

    private void reserve(int more) {
        int wanted = Math.addExact(used, more);
        if (wanted <= bytes.length) {
            return;
        }
        int size = Math.max(FIRST_BYTES, Integer.highestOneBit(Math.max(1, wanted - 1)) << 1);
        byte[] bigger;
        if (head + used <= bytes.length) {
            bigger = new byte[size];
            System.arraycopy(bytes, head, bigger, 0, used);
        } else {
            bigger = Arrays.copyOf(copy(0, used), size);
        }
        bytes = bigger;
        segment = MemorySegment.ofArray(bigger);
        head = 0;
    }
}
