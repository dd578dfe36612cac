package dev.caisson.kernel.syscall.decode;

import static dev.caisson.kernel.syscall.decode.Structures.array;
import static dev.caisson.kernel.syscall.decode.Structures.format;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.MessageHeader;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Addresses, messages and options of sockets, and vectors of buffers. */
public final class Sockets {
    private static final int IOVEC_BYTES = 16;
    private static final int CONTROL_HEADER_BYTES = 16;
    private static final int MOST_CONTROL_BYTES = 4096;
    private static final FlagNames CONTROL = FlagNames.oneOf(Socket.class, "SCM_").without("SCM_TIMESTAMPING_", "SCM_SRCRT");
    private static final FlagNames SOCKET_OPTION = FlagNames.oneOf(Socket.class, "SO_");
    private static final FlagNames TCP_OPTION = FlagNames.oneOf(Socket.class, "TCP_").without("TCP_REPAIR_O", "TCP_COOKIE_", "TCP_S_");
    private static final FlagNames IP_OPTION = FlagNames.oneOf(Socket.class, "IP_");
    private static final FlagNames IPV6_OPTION = FlagNames.oneOf(Socket.class, "IPV6_").without("IPV6_PMTUDISC_", "IPV6_RTHDR_");
    private static final FlagNames PROTOCOL = FlagNames.oneOf(Socket.class, "IPPROTO_").without("IPPROTO_HOPOPTS");

    private Sockets() {}

    // ---- addresses

    /** {@code struct sockaddr} the guest gives. */
    public static Argument address(String name, int lengthIndex) {
        return new Argument(name, Kind.INPUT, (call, value) -> address(call, value, (int) call.argument(lengthIndex)));
    }

    /** {@code struct sockaddr} the guest gets; its length stands behind another pointer. */
    public static Argument addressOut(String name, int lengthIndex) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> {
            long length = value == 0 ? 0 : call.word(call.argument(lengthIndex), 4, 0);
            address(call, value, (int) Math.min(length, SocketAddress.MAX_BYTES));
        });
    }

    /** The length of an address or option: {@code [128 => 16]}. */
    public static Argument lengthInOut(String name) {
        return Argument.inOut(name, (call, value) -> {
            MemorySegment length = call.fetch(value, 4);
            if (length == null) {
                call.address(value);
            } else {
                call.out().append('[').append(length.get(Layouts.U32, 0)).append(']');
            }
        }, (call, value) -> {
            String before = call.before();
            MemorySegment length = call.hasSucceeded() && before.startsWith("[") ? call.fetch(value, 4) : null;
            if (length == null) {
                call.out().append(before);
                return;
            }
            String after = "[" + length.get(Layouts.U32, 0) + "]";
            if (after.equals(before)) {
                call.out().append(before);
            } else {
                call.out().append(before, 0, before.length() - 1).append(" => ").append(after, 1, after.length());
            }
        });
    }

    static void address(TracedCall call, long value, int length) {
        if (value == 0 || length < 2) {
            call.address(value);
            return;
        }
        int shown = Math.min(length, SocketAddress.MAX_BYTES);
        MemorySegment bytes = call.fetch(value, shown);
        if (bytes == null) {
            call.address(value);
            return;
        }
        Fields fields = new Fields(call.out(), bytes, 0);
        int family = fields.u16(0);
        fields.flags("sa_family", Flags.FAMILY, family);
        if (family == Socket.AF_UNIX) {
            unix(fields, bytes, shown);
        } else if (family == Socket.AF_INET && shown >= SocketAddress.INET_BYTES) {
            fields.text("sin_port", "htons(" + port(bytes) + ")");
            inet(fields.name("sin_addr").append("inet_addr(\""), bytes, 4).append("\")");
        } else if (family == Socket.AF_INET6 && shown >= SocketAddress.INET6_MIN_BYTES) {
            fields.text("sin6_port", "htons(" + port(bytes) + ")");
            fields.text("sin6_flowinfo", "htonl(" + Integer.toUnsignedString(Integer.reverseBytes(fields.i32(4))) + ")");
            inet6(call.out().append(", inet_pton(AF_INET6, \""), bytes, 8);
            call.out().append("\", &sin6_addr)");
            if (shown >= SocketAddress.INET6_BYTES) {
                fields.unsigned("sin6_scope_id", Integer.toUnsignedLong(fields.i32(24)));
            }
        } else if (family == Socket.AF_NETLINK && shown >= SocketAddress.NETLINK_BYTES) {
            fields.number("nl_pid", fields.i32(4)).text("nl_groups", "%08x".formatted(fields.i32(8)));
        } else if (shown > 2) {
            Quoted.quote(fields.name("sa_data"), bytes, 2, Math.min(shown - 2, Quoted.SHOWN_BYTES));
        }
        fields.end();
    }

    private static void unix(Fields fields, MemorySegment bytes, int length) {
        if (length <= 2) {
            return;
        }
        StringBuilder out = fields.name("sun_path");
        if (bytes.get(Layouts.U8, 2) == 0) {
            // An abstract name has a length of its own, and may contain NUL.
            Quoted.quote(out.append('@'), bytes, 3, length - 3);
        } else {
            Quoted.quote(out, bytes, 2, Quoted.lengthOf(bytes.asSlice(2), length - 2));
        }
    }

    private static int port(MemorySegment bytes) {
        return (bytes.get(Layouts.U8, 2) & 0xff) << 8 | bytes.get(Layouts.U8, 3) & 0xff;
    }

    private static StringBuilder inet(StringBuilder out, MemorySegment bytes, long at) {
        for (int i = 0; i < 4; i++) {
            out.append(i > 0 ? "." : "").append(bytes.get(Layouts.U8, at + i) & 0xff);
        }
        return out;
    }

    /** As inet_ntop(3): the longest run of zero groups is left out. */
    private static void inet6(StringBuilder out, MemorySegment bytes, long at) {
        int[] groups = new int[8];
        int best = -1;
        int bestLength = 1;
        for (int i = 0, run = 0; i < 8; i++) {
            groups[i] = (bytes.get(Layouts.U8, at + 2 * i) & 0xff) << 8 | bytes.get(Layouts.U8, at + 2 * i + 1) & 0xff;
            run = groups[i] == 0 ? run + 1 : 0;
            if (run > bestLength) {
                bestLength = run;
                best = i - run + 1;
            }
        }
        if (best == 0 && (bestLength == 6 || bestLength == 5 && groups[5] == 0xffff)) {
            inet(out.append(bestLength == 6 ? "::" : "::ffff:"), bytes, at + 12);
            return;
        }
        for (int i = 0; i < 8; i++) {
            if (i == best) {
                out.append(i == 0 ? "::" : ":");
                i += bestLength - 1;
            } else {
                out.append(Integer.toHexString(groups[i])).append(i < 7 ? ":" : "");
            }
        }
    }

    // ---- vectors and messages

    /** Buffers whose content the guest gives. */
    public static Argument vector(String name, int countIndex) {
        return new Argument(name, Kind.INPUT, (call, value) -> vector(call, value, call.argument(countIndex), Long.MAX_VALUE));
    }

    /** Buffers whose content the guest gets; the result says how much. */
    public static Argument vectorOut(String name, int countIndex) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> vector(call, value, call.argument(countIndex), call.result()));
    }

    /** Buffers of another process: only addresses. */
    public static Argument vectorOfAddresses(String name, int countIndex) {
        return new Argument(name, Kind.INPUT, (call, value) -> vector(call, value, call.argument(countIndex), -1));
    }

    /** Shows at most so many bytes of all buffers together; -1 for addresses alone. */
    private static void vector(TracedCall call, long address, long count, long content) {
        long[] left = {content};
        array(call, address, count, IOVEC_BYTES, (c, bytes, at) -> {
            Fields fields = new Fields(c.out(), bytes, at);
            long base = fields.u64(0);
            long length = fields.u64(8);
            fields.name("iov_base");
            if (content < 0) {
                c.address(base);
            } else {
                Quoted.bytes(c, base, Math.max(0, Math.min(length, left[0])));
                left[0] -= Math.max(0, Math.min(length, left[0]));
            }
            fields.unsigned("iov_len", length).end();
        });
    }

    /** {@code struct msghdr} the guest gives. */
    public static Argument message(String name) {
        return new Argument(name, Kind.INPUT, format(MessageHeader.BYTES, (call, bytes, at) -> message(call, bytes, at, Long.MAX_VALUE,
                "")));
    }

    /** {@code struct msghdr} the guest gives and finds filled. */
    public static Argument messageOut(String name) {
        return Argument.inOut(name, (call, value) -> {
            MemorySegment length = call.fetch(value, MessageHeader.BYTES);
            if (length != null) {
                call.out().append(length.get(Layouts.U32, 8));
            }
        }, (call, value) -> {
            MemorySegment bytes = call.fetch(value, MessageHeader.BYTES);
            if (bytes == null) {
                call.address(value);
            } else if (call.hasSucceeded()) {
                message(call, bytes, 0, call.result(), call.before());
            } else {
                Fields fields = new Fields(call.out(), bytes, 0);
                fields.number("msg_namelen", fields.i32(8)).more();
            }
        });
    }

    /** Messages of sendmmsg(2). */
    public static Argument messages(String name, int countIndex) {
        return new Argument(name, Kind.INPUT, (call, value) -> messages(call, value, call.argument(countIndex) & 0xffffffffL, false));
    }

    /** Messages of recvmmsg(2); the result says how many. */
    public static Argument messagesOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> messages(call, value, call.result(), true));
    }

    private static void messages(TracedCall call, long value, long count, boolean received) {
        array(call, value, count, MessageHeader.MULTIPLE_BYTES, (c, bytes, at) -> {
            c.out().append("{msg_hdr=");
            long length = Integer.toUnsignedLong(bytes.get(Layouts.U32, at + MessageHeader.BYTES));
            message(c, bytes, at, received ? length : Long.MAX_VALUE, "");
            if (received) {
                c.out().append(", msg_len=").append(length);
            }
            c.out().append('}');
        });
    }

    private static void message(TracedCall call, MemorySegment bytes, long at, long content, String nameLengthBefore) {
        Fields fields = new Fields(call.out(), bytes, at);
        int nameLength = fields.i32(8);
        fields.name("msg_name");
        address(call, fields.u64(0), nameLength);
        String length = Integer.toString(nameLength);
        fields.text("msg_namelen", nameLengthBefore.isEmpty() || nameLengthBefore.equals(length) ? length
                : nameLengthBefore + " => " + length);
        fields.name("msg_iov");
        vector(call, fields.u64(16), fields.u64(24), content);
        fields.unsigned("msg_iovlen", fields.u64(24));
        long controlLength = fields.u64(40);
        if (fields.u64(32) != 0 && controlLength >= CONTROL_HEADER_BYTES) {
            fields.name("msg_control");
            control(call, fields.u64(32), controlLength);
        }
        fields.unsigned("msg_controllen", controlLength).flags("msg_flags", Flags.MESSAGE, fields.i32(48)).end();
    }

    private static void control(TracedCall call, long address, long length) {
        MemorySegment bytes = call.fetch(address, Math.min(length, MOST_CONTROL_BYTES));
        if (bytes == null) {
            call.address(address);
            return;
        }
        StringBuilder out = call.out().append('[');
        long at = 0;
        int shown = 0;
        while (at + CONTROL_HEADER_BYTES <= bytes.byteSize() && shown < TracedCall.MOST_ELEMENTS && !call.isFull()) {
            out.append(shown++ > 0 ? ", " : "");
            Fields fields = new Fields(out, bytes, at);
            long size = fields.u64(0);
            boolean fits = size >= CONTROL_HEADER_BYTES && size <= bytes.byteSize() - at;
            fields.unsigned("cmsg_len", size).flags("cmsg_level", Flags.SOCKET_LEVEL, fields.i32(8));
            int type = fields.i32(12);
            boolean ofSocket = fields.i32(8) == Socket.SOL_SOCKET;
            fields.text("cmsg_type", ofSocket && CONTROL.name(type) != null ? CONTROL.name(type) : "0x" + Integer.toHexString(type));
            if (fits && size > CONTROL_HEADER_BYTES) {
                fields.name("cmsg_data");
                controlData(out, bytes.asSlice(at + CONTROL_HEADER_BYTES, size - CONTROL_HEADER_BYTES), ofSocket ? type : 0);
            }
            fields.end();
            if (!fits) {
                break;
            }
            at += size + 7 & ~7L;
        }
        out.append(']');
    }

    private static void controlData(StringBuilder out, MemorySegment data, int type) {
        if (type == Socket.SCM_RIGHTS) {
            out.append('[');
            for (int i = 0; i < Math.min(data.byteSize() / 4, TracedCall.MOST_ELEMENTS); i++) {
                out.append(i > 0 ? ", " : "").append(data.get(Layouts.U32, 4L * i));
            }
            out.append(data.byteSize() / 4 > TracedCall.MOST_ELEMENTS ? ", ...]" : "]");
        } else if (type == Socket.SCM_CREDENTIALS && data.byteSize() >= 12) {
            credentials(out, data);
        } else {
            Quoted.quote(out, data, 0, (int) Math.min(data.byteSize(), Quoted.SHOWN_BYTES));
        }
    }

    private static void credentials(StringBuilder out, MemorySegment data) {
        Fields fields = new Fields(out, data, 0);
        fields.number("pid", fields.i32(0)).number("uid", fields.i32(4)).number("gid", fields.i32(8)).end();
    }

    // ---- options

    /** The protocol of socket(2), by name for Internet families. */
    public static Argument protocol(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            int family = (int) call.argument(0);
            if (family == Socket.AF_INET || family == Socket.AF_INET6) {
                PROTOCOL.format(call.out(), (int) value);
            } else {
                call.out().append((int) value);
            }
        });
    }

    /** The name of an option, by the level in argument 1. */
    public static Argument option(String name) {
        return new Argument(name, Kind.NAMED, (call, value) -> {
            FlagNames names = switch ((int) call.argument(1)) {
                case Socket.SOL_SOCKET -> SOCKET_OPTION;
                case Socket.SOL_TCP -> TCP_OPTION;
                case Socket.SOL_IP -> IP_OPTION;
                case Socket.SOL_IPV6 -> IPV6_OPTION;
                default -> null;
            };
            if (names == null) {
                call.out().append((int) value);
            } else {
                names.format(call.out(), (int) value);
            }
        });
    }

    /** The value of an option the guest gives. */
    public static Argument optionValue(String name) {
        return new Argument(name, Kind.INPUT, (call, value) -> optionValue(call, value, (int) call.argument(4)));
    }

    /** The value of an option the guest gets; its length stands behind argument 4. */
    public static Argument optionValueOut(String name) {
        return new Argument(name, Kind.OUTPUT, (call, value) -> optionValue(call, value, (int) call.word(call.argument(4), 4, 0)));
    }

    private static void optionValue(TracedCall call, long value, int length) {
        boolean ofSocket = (int) call.argument(1) == Socket.SOL_SOCKET;
        int option = (int) call.argument(2);
        MemorySegment bytes = length == 4 || length == 8 || length == 12 || length == 16 ? call.fetch(value, length) : null;
        if (bytes == null) {
            Quoted.bytes(call, value, length);
        } else if (length == 4) {
            call.out().append('[').append(bytes.get(Layouts.U32, 0)).append(']');
        } else if (ofSocket && option == Socket.SO_LINGER && length == 8) {
            Fields fields = new Fields(call.out(), bytes, 0);
            fields.number("l_onoff", fields.i32(0)).number("l_linger", fields.i32(4)).end();
        } else if (ofSocket && option == Socket.SO_PEERCRED && length == 12) {
            credentials(call.out(), bytes);
        } else if (ofSocket && length == 16 && (option == Socket.SO_RCVTIMEO || option == Socket.SO_SNDTIMEO)) {
            Times.pair(call.out(), bytes, 0, "tv_usec");
        } else {
            Quoted.bytes(call, value, length);
        }
    }
}
