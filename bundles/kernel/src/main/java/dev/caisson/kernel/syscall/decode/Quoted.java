package dev.caisson.kernel.syscall.decode;

import dev.caisson.abi.Layouts;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Strings and bytes in quotes. */
public final class Quoted {
    /** Bytes of data that are shown. */
    public static final int SHOWN_BYTES = 32;
    private static final int PATH_BYTES = 4096;
    private static final int ARGUMENT_BYTES = 256;

    private Quoted() {}

    /** {@return a format for a path} */
    public static Format path() {
        return (call, value) -> string(call, value, PATH_BYTES);
    }

    /** {@return a format for a short string that ends with NUL} */
    public static Format string() {
        return (call, value) -> string(call, value, ARGUMENT_BYTES);
    }

    /** {@return a format for an array of strings: argv} */
    public static Format strings() {
        return (call, value) -> {
            StringBuilder out = call.out();
            MemorySegment first = call.fetch(value, 8);
            if (first == null) {
                call.address(value);
                return;
            }
            out.append('[');
            for (int i = 0;; i++) {
                long word = call.word(value + 8L * i, 8, 0);
                if (word == 0) {
                    out.append(']');
                    return;
                }
                out.append(i > 0 ? ", " : "");
                if (i == TracedCall.MOST_ELEMENTS || call.isFull()) {
                    out.append("...]");
                    return;
                }
                string(call, word, ARGUMENT_BYTES);
            }
        };
    }

    /** {@return a format for an array of strings of which only the number matters: envp} */
    public static Format stringCount() {
        return (call, value) -> {
            call.address(value);
            int count = 0;
            while (count < 1024 && call.word(value + 8L * count, 8, 0) != 0) {
                count++;
            }
            if (value != 0) {
                call.out().append(" /* ").append(count).append(count == 1 ? " var" : " vars").append(" */");
            }
        };
    }

    /**
     * Writes a string that ends with NUL.
     *
     * @param call the call
     * @param address guest address
     * @param most the most bytes that are shown
     */
    static void string(TracedCall call, long address, int most) {
        // Most strings are short: little is read before more is.
        MemorySegment bytes = null;
        int length = 0;
        for (int size = Math.min(most, 256); ; size = Math.min(most, size * 4)) {
            bytes = call.fetchSome(address, size);
            length = lengthOf(bytes, bytes.byteSize());
            if (length < bytes.byteSize() || bytes.byteSize() < size || size == most) {
                break;
            }
        }
        if (length == bytes.byteSize() && length < most) {
            call.address(address); // It runs into memory that cannot be read.
            return;
        }
        quote(call.out(), bytes, 0, length);
        if (length == most) {
            call.out().append("...");
        }
    }

    /**
     * Bytes before the first NUL.
     *
     * @param bytes what to search
     * @param limit how many at most
     * @return their number
     */
    static int lengthOf(MemorySegment bytes, long limit) {
        int length = 0;
        while (length < limit && bytes.get(Layouts.U8, length) != 0) {
            length++;
        }
        return length;
    }

    /**
     * Writes the beginning of some bytes.
     *
     * @param call the call
     * @param address guest address
     * @param length how many there are
     */
    public static void bytes(TracedCall call, long address, long length) {
        int shown = (int) Math.max(0, Math.min(length, SHOWN_BYTES));
        if (address != 0 && shown == 0) {
            call.out().append(length < 0 ? "..." : "\"\"");
            return;
        }
        MemorySegment bytes = call.fetch(address, shown);
        if (bytes == null) {
            call.address(address);
            return;
        }
        quote(call.out(), bytes, 0, shown);
        if (length > shown) {
            call.out().append("...");
        }
    }

    /**
     * Writes bytes in hexadecimal escapes, for what is not meant to be read.
     *
     * @param call the call
     * @param address guest address
     * @param length how many there are
     */
    public static void hexBytes(TracedCall call, long address, long length) {
        int shown = (int) Math.max(0, Math.min(length, SHOWN_BYTES));
        MemorySegment bytes = call.fetch(address, shown);
        if (bytes == null) {
            call.address(address);
            return;
        }
        StringBuilder out = call.out().append('"');
        for (int i = 0; i < shown; i++) {
            int b = bytes.get(Layouts.U8, i) & 0xff;
            out.append("\\x").append(Character.forDigit(b >> 4, 16)).append(Character.forDigit(b & 15, 16));
        }
        out.append(length > shown ? "\"..." : "\"");
    }

    /**
     * Writes bytes with the escapes of C.
     *
     * @param out where to
     * @param bytes where from
     * @param from offset of the first
     * @param length how many
     */
    static void quote(StringBuilder out, MemorySegment bytes, long from, int length) {
        out.append('"');
        for (int i = 0; i < length; i++) {
            int c = bytes.get(Layouts.U8, from + i) & 0xff;
            switch (c) {
                case '"', '\\' -> out.append('\\').append((char) c);
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                case 0x0b -> out.append("\\v");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c >= ' ' && c < 0x7f) {
                        out.append((char) c);
                    } else {
                        int next = i + 1 < length ? bytes.get(Layouts.U8, from + i + 1) : 0;
                        octal(out, c, next >= '0' && next <= '9');
                    }
                }
            }
        }
        out.append('"');
    }

    private static void octal(StringBuilder out, int c, boolean whole) {
        out.append('\\');
        if (whole || c > 077) {
            out.append((char) ('0' + (c >> 6)));
        }
        if (whole || c > 07) {
            out.append((char) ('0' + (c >> 3 & 7)));
        }
        out.append((char) ('0' + (c & 7)));
    }
}
