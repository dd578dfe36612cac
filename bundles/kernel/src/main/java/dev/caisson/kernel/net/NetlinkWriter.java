package dev.caisson.kernel.net;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Builds netlink messages one behind the other, netlink(7).
 * <pre>
 *  struct nlmsghdr (16)       struct nlattr (4, then the value, padded to 4)
 *  off size field             off size field
 *    0    4 nlmsg_len           0    2 nla_len   with this header
 *    4    2 nlmsg_type          2    2 nla_type
 *    6    2 nlmsg_flags
 *    8    4 nlmsg_seq
 *   12    4 nlmsg_pid
 * </pre>
 * Source: include/uapi/linux/netlink.h.
 */
final class NetlinkWriter {
    static final int HEADER_BYTES = 16;
    private static final int ATTRIBUTE_BYTES = 4;

    private byte[] bytes = new byte[512];
    private int used;
    private int start;

    private void reserve(int more) {
        if (used + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, used + more));
        }
    }

    private MemorySegment segment() {
        return MemorySegment.ofArray(bytes);
    }

    /** Begins a message whose fixed part follows. */
    NetlinkWriter begin(int type, int flags, int sequence, int port) {
        start = used;
        reserve(HEADER_BYTES);
        segment().set(U16, used + 4, (short) type);
        segment().set(U16, used + 6, (short) flags);
        segment().set(U32, used + 8, sequence);
        segment().set(U32, used + 12, port);
        used += HEADER_BYTES;
        return this;
    }

    NetlinkWriter u8(int value) {
        reserve(1);
        bytes[used++] = (byte) value;
        return this;
    }

    NetlinkWriter u16(int value) {
        reserve(2);
        segment().set(U16, used, (short) value);
        used += 2;
        return this;
    }

    NetlinkWriter u32(int value) {
        reserve(4);
        segment().set(U32, used, value);
        used += 4;
        return this;
    }

    NetlinkWriter raw(byte[] value) {
        reserve(value.length);
        System.arraycopy(value, 0, bytes, used, value.length);
        used += value.length;
        return this;
    }

    NetlinkWriter attribute(int type, byte[] value) {
        int size = ATTRIBUTE_BYTES + value.length;
        u16(size).u16(type).raw(value);
        int padding = -size & 3;
        reserve(padding);
        used += padding;
        return this;
    }

    NetlinkWriter attribute(int type, int value) {
        return attribute(type, new byte[] {(byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)});
    }

    /** Ends the message that was begun. */
    NetlinkWriter end() {
        segment().set(U32, start, used - start);
        int padding = -used & 3;
        reserve(padding);
        used += padding;
        return this;
    }

    boolean isEmpty() {
        return used == 0;
    }

    byte[] toBytes() {
        return Arrays.copyOf(bytes, used);
    }
}
