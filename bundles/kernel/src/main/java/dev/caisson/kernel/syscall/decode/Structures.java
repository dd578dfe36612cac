package dev.caisson.kernel.syscall.decode;

import dev.caisson.abi.Layouts;
import dev.caisson.kernel.syscall.Argument;
import dev.caisson.kernel.syscall.Argument.Format;
import dev.caisson.kernel.syscall.Argument.Kind;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;

/** Arguments that point to one structure or to an array of them. */
final class Structures {
    /** Writes one structure. */
    @FunctionalInterface
    interface Writer {
        /**
         * Writes it.
         *
         * @param call where to
         * @param bytes the bytes
         * @param at offset of the structure among them
         */
        void write(TracedCall call, MemorySegment bytes, long at);
    }

    private Structures() {}

    static Format format(int size, Writer writer) {
        return (call, value) -> {
            MemorySegment bytes = call.fetch(value, size);
            if (bytes == null) {
                call.address(value);
            } else {
                writer.write(call, bytes, 0);
            }
        };
    }

    static Argument in(String name, int size, Writer writer) {
        return new Argument(name, Kind.INPUT, format(size, writer));
    }

    static Argument out(String name, int size, Writer writer) {
        return new Argument(name, Kind.OUTPUT, format(size, writer));
    }

    /** An array; the elements are read one by one, so that what can be read is shown. */
    static void array(TracedCall call, long address, long count, int size, Writer writer) {
        StringBuilder out = call.out();
        if (count <= 0) {
            if (address == 0) {
                out.append("NULL");
            } else {
                out.append("[]");
            }
            return;
        }
        for (long i = 0; i < count; i++) {
            boolean more = i == TracedCall.MOST_ELEMENTS || call.isFull();
            MemorySegment bytes = more ? null : call.fetch(address + i * size, size);
            if (i == 0 && bytes == null) {
                call.address(address);
                return;
            }
            out.append(i == 0 ? "[" : ", ");
            if (more) {
                out.append("...");
                break;
            }
            if (bytes == null) {
                out.append("... /* ");
                call.address(address + i * size);
                out.append(" */");
                break;
            }
            writer.write(call, bytes, 0);
        }
        out.append(']');
    }

    /** Writes a number of 4 bytes. */
    static void int32(TracedCall call, MemorySegment bytes, long at) {
        call.out().append(bytes.get(Layouts.U32, at));
    }

    /** Writes a number of 8 bytes. */
    static void int64(TracedCall call, MemorySegment bytes, long at) {
        call.out().append(bytes.get(Layouts.U64, at));
    }

    /** Writes one element in brackets, as what a pointer to a number points to. */
    static Writer bracketed(Writer writer) {
        return (call, bytes, at) -> {
            call.out().append('[');
            writer.write(call, bytes, at);
            call.out().append(']');
        };
    }
}
