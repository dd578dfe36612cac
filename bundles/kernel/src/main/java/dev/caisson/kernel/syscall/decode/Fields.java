package dev.caisson.kernel.syscall.decode;

import dev.caisson.abi.Layouts;
import dev.caisson.kernel.syscall.FlagNames;
import java.lang.foreign.MemorySegment;

/** Writes one structure: {@code {name=value, ...}}. The fields come from bytes that were copied once. */
final class Fields {
    private final StringBuilder out;
    private final MemorySegment bytes;
    private final long base;
    private boolean first = true;

    /**
     * Begins a structure.
     *
     * @param out where to
     * @param bytes where its fields are
     * @param base offset of the structure
     */
    Fields(StringBuilder out, MemorySegment bytes, long base) {
        this.out = out.append('{');
        this.bytes = bytes;
        this.base = base;
    }

    long u64(long offset) {
        return bytes.get(Layouts.U64, base + offset);
    }

    int i32(long offset) {
        return bytes.get(Layouts.U32, base + offset);
    }

    int u16(long offset) {
        return Short.toUnsignedInt(bytes.get(Layouts.U16, base + offset));
    }

    /** Begins a field; the caller writes its value. */
    StringBuilder name(String name) {
        if (!first) {
            out.append(", ");
        }
        first = false;
        return out.append(name).append('=');
    }

    Fields number(String name, long value) {
        name(name).append(value);
        return this;
    }

    Fields unsigned(String name, long value) {
        name(name).append(Long.toUnsignedString(value));
        return this;
    }

    Fields hex(String name, long value) {
        name(name).append(value == 0 ? "0" : "0x" + Long.toHexString(value));
        return this;
    }

    Fields address(String name, long value) {
        name(name).append(value == 0 ? "NULL" : "0x" + Long.toHexString(value));
        return this;
    }

    Fields flags(String name, FlagNames names, long value) {
        names.format(name(name), value);
        return this;
    }

    Fields text(String name, String value) {
        name(name).append(value);
        return this;
    }

    /** Bytes up to a NUL, quoted. */
    Fields string(String name, long offset, int most) {
        Quoted.quote(name(name), bytes, base + offset, Quoted.lengthOf(bytes.asSlice(base + offset, most), most));
        return this;
    }

    void end() {
        out.append('}');
    }

    /** Ends a structure of which not everything is shown. */
    void more() {
        out.append(first ? "...}" : ", ...}");
    }
}
