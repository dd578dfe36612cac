package dev.caisson.ninep;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Writes one message after the other into one array, which grows as needed. */
public final class WireWriter {
    private static final VarHandle U16 = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle U32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle U64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[256];
    private int position;

    /** Makes a writer. */
    public WireWriter() {}

    /**
     * Starts a message; its size is written by {@link #finish}.
     *
     * @param type what it is
     * @param tag which request it is or answers
     * @return this
     */
    public WireWriter start(MessageType type, int tag) {
        position = 4;
        return u8(type.number()).u16(tag);
    }

    /**
     * Sets the tag of the message.
     *
     * @param tag the tag
     */
    public void setTag(int tag) {
        U16.set(bytes, 5, (short) tag);
    }

    /**
     * Ends a message.
     *
     * @param payloadBytes bytes of the message that follow from elsewhere
     * @return bytes written, the size included
     */
    public int finish(int payloadBytes) {
        U32.set(bytes, 0, position + payloadBytes);
        return position;
    }

    private int room(int count) {
        int at = position;
        if (count > bytes.length - at) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, at + count));
        }
        position = at + count;
        return at;
    }

    /**
     * Writes a byte.
     *
     * @param value its low 8 bits
     * @return this
     */
    public WireWriter u8(int value) {
        int at = room(1);
        bytes[at] = (byte) value;
        return this;
    }

    /**
     * Writes two bytes.
     *
     * @param value its low 16 bits
     * @return this
     */
    public WireWriter u16(int value) {
        int at = room(2);
        U16.set(bytes, at, (short) value);
        return this;
    }

    /**
     * Writes four bytes.
     *
     * @param value the value
     * @return this
     */
    public WireWriter u32(int value) {
        int at = room(4);
        U32.set(bytes, at, value);
        return this;
    }

    /**
     * Writes eight bytes.
     *
     * @param value the value
     * @return this
     */
    public WireWriter u64(long value) {
        int at = room(8);
        U64.set(bytes, at, value);
        return this;
    }

    /**
     * Writes a string: {@code length[2]} and bytes.
     *
     * @param text one byte per char, at most 65535
     * @return this
     */
    @SuppressWarnings("deprecation") // copies the low bytes, which is all there are
    public WireWriter string(String text) {
        int length = text.length();
        u16(length);
        int at = room(length);
        text.getBytes(0, length, bytes, at);
        return this;
    }

    /**
     * Writes bytes.
     *
     * @param source where they are
     * @param start first one
     * @param count how many
     * @return this
     */
    public WireWriter bytes(byte[] source, int start, int count) {
        int at = room(count);
        System.arraycopy(source, start, bytes, at, count);
        return this;
    }

    /**
     * Writes a number where something was written before: a count that is known only now.
     *
     * @param at position
     * @param value four bytes
     */
    public void patch32(int at, int value) {
        U32.set(bytes, at, value);
    }

    /**
     * As {@link #patch32}.
     *
     * @param at position
     * @param value two bytes
     */
    public void patch16(int at, int value) {
        U16.set(bytes, at, (short) value);
    }

    /**
     * Forgets what was written behind a position.
     *
     * @param at position
     */
    public void truncate(int at) {
        position = at;
    }

    /** {@return bytes written so far} */
    public int position() {
        return position;
    }

    /** {@return the array; another one once it grew} */
    public byte[] array() {
        return bytes;
    }
}
