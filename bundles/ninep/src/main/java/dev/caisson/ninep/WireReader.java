package dev.caisson.ninep;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads the fields of one message, in order. It never fails: behind the end everything is zero or empty, and {@link #isOverrun} tells
 * so, as {@link #isConsumed} tells that the message ended where it should. A reader is used for one message after the other.
 *
 * <p>It reads an array, since without the optimizing compiler that costs a fraction of what native memory does.
 */
public final class WireReader {
    private static final VarHandle U16 = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle U32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle U64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[0];
    private int position;
    private int end;
    private boolean isOverrun;

    /** Makes a reader of nothing. */
    public WireReader() {}

    /**
     * Starts over with other bytes.
     *
     * @param source where they are; not copied
     * @param start first one
     * @param stop behind the last one
     * @return this
     */
    public WireReader reset(byte[] source, int start, int stop) {
        bytes = source;
        position = start;
        end = stop;
        isOverrun = false;
        return this;
    }

    private boolean take(int count) {
        if (count > end - position) {
            isOverrun = true;
            position = end;
            return false;
        }
        position += count;
        return true;
    }

    /** {@return one byte, 0 to 255} */
    public int u8() {
        return take(1) ? bytes[position - 1] & 0xff : 0;
    }

    /** {@return two bytes, 0 to 65535} */
    public int u16() {
        return take(2) ? (short) U16.get(bytes, position - 2) & 0xffff : 0;
    }

    /** {@return four bytes} */
    public int u32() {
        return take(4) ? (int) U32.get(bytes, position - 4) : 0;
    }

    /** {@return eight bytes} */
    public long u64() {
        return take(8) ? (long) U64.get(bytes, position - 8) : 0;
    }

    /**
     * A string: {@code length[2]} and bytes.
     *
     * @param most longest one; a longer one is an overrun
     * @return one char per byte; empty after an overrun
     */
    public String string(int most) {
        int length = u16();
        if (length > most) {
            isOverrun = true;
            return "";
        }
        return take(length) ? new String(bytes, position - length, length, StandardCharsets.ISO_8859_1) : "";
    }

    /**
     * A name or a target; judged by {@link Names}, not here.
     *
     * @return one char per byte; empty after an overrun
     */
    public String string() {
        return string(0xffff);
    }

    /**
     * Passes over bytes.
     *
     * @param count how many
     */
    public void skip(int count) {
        if (count < 0 || !take(count)) {
            isOverrun = true;
        }
    }

    /** {@return the position in the array} */
    public int position() {
        return position;
    }

    /** {@return bytes that were not read yet} */
    public int remaining() {
        return end - position;
    }

    /** {@return whether more was asked for than there is} */
    public boolean isOverrun() {
        return isOverrun;
    }

    /** {@return whether everything was read and nothing was missing} */
    public boolean isConsumed() {
        return !isOverrun && position == end;
    }
}
