package dev.caisson.host.code;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Assembles position-independent amd64 code. Operations are 64 bits wide unless the name says otherwise; jumps and
 * {@link #leaLabel} are relative to rip. Not thread-safe.
 */
public final class Assembler {
    /** A 32-bit displacement to fill in when all labels are bound. */
    private record Fixup(int at, Label target) {}

    private final List<Fixup> fixups = new ArrayList<>();
    private byte[] code = new byte[512];
    private int size;

    /** Makes an empty assembler. */
    public Assembler() {}

    /** {@return the number of bytes so far} */
    public int offset() {
        return size;
    }

    /**
     * Finishes the code.
     *
     * @return a copy of all bytes, with labels resolved
     */
    public byte[] toBytes() {
        for (Fixup fixup : fixups) {
            putInt(fixup.at, fixup.target.offset() - (fixup.at + 4));
        }
        return Arrays.copyOf(code, size);
    }

    /**
     * Binds a label here.
     *
     * @param label an unbound label
     * @return this
     */
    public Assembler bind(Label label) {
        label.bind(size);
        return this;
    }

    /** {@return a label bound here} */
    public Label here() {
        Label label = new Label();
        bind(label);
        return label;
    }

    /**
     * Appends bytes: instructions that have no method here, or data.
     *
     * @param values the low eight bits of each
     * @return this
     */
    public Assembler bytes(int... values) {
        for (int value : values) {
            put(value);
        }
        return this;
    }

    /**
     * Appends four bytes, little-endian: a displacement or an immediate value.
     *
     * @param value what they hold
     * @return this
     */
    public Assembler int32(int value) {
        return bytes(value, value >> 8, value >> 16, value >> 24);
    }

    /**
     * Appends eight bytes of data, little-endian.
     *
     * @param value the data
     * @return this
     */
    public Assembler word(long value) {
        for (int shift = 0; shift < 64; shift += 8) {
            put((int) (value >>> shift));
        }
        return this;
    }

    /**
     * Fills with {@code int3} up to a multiple of a power of two.
     *
     * @param bytes the power of two
     * @return this
     */
    public Assembler align(int bytes) {
        while ((size & (bytes - 1)) != 0) {
            put(0xcc);
        }
        return this;
    }

    /**
     * {@code mov to, from}.
     *
     * @param to destination
     * @param from source
     * @return this
     */
    public Assembler mov(Register to, Register from) {
        return registers(0x89, from, to);
    }

    /**
     * {@code mov to, value}, in the shortest form.
     *
     * @param to destination
     * @param value immediate
     * @return this
     */
    public Assembler mov(Register to, long value) {
        if (value >= 0 && value <= 0xffff_ffffL) { // mov r32, imm32 clears the upper half
            if (to.high() != 0) {
                put(0x41);
            }
            put(0xb8 | to.low());
            return int32((int) value);
        }
        if (value == (int) value) { // mov r64, sign-extended imm32
            bytes(0x48 | to.high(), 0xc7, 0xc0 | to.low());
            return int32((int) value);
        }
        bytes(0x48 | to.high(), 0xb8 | to.low());
        return word(value);
    }

    /**
     * {@code mov to, [base + displacement]}.
     *
     * @param to destination
     * @param base address register
     * @param displacement added to it
     * @return this
     */
    public Assembler load(Register to, Register base, int displacement) {
        return memory(0x8b, to, base, displacement);
    }

    /**
     * {@code mov [base + displacement], from}.
     *
     * @param base address register
     * @param displacement added to it
     * @param from source
     * @return this
     */
    public Assembler store(Register base, int displacement, Register from) {
        return memory(0x89, from, base, displacement);
    }

    /**
     * {@code lea to, [rip + label]}.
     *
     * @param to destination
     * @param label the place
     * @return this
     */
    public Assembler leaLabel(Register to, Label label) {
        bytes(0x48 | to.high() << 2, 0x8d, to.low() << 3 | 5);
        return displacement(label);
    }

    /**
     * {@code lea to, [base + displacement]}.
     *
     * @param to destination
     * @param base address register
     * @param displacement added to it
     * @return this
     */
    public Assembler lea(Register to, Register base, int displacement) {
        return memory(0x8d, to, base, displacement);
    }

    /**
     * {@code add to, from}.
     *
     * @param to destination
     * @param from source
     * @return this
     */
    public Assembler add(Register to, Register from) {
        return registers(0x01, from, to);
    }

    /**
     * {@code add to, value}.
     *
     * @param to destination
     * @param value immediate
     * @return this
     */
    public Assembler add(Register to, int value) {
        return immediate(0, to, value);
    }

    /**
     * {@code sub to, value}.
     *
     * @param to destination
     * @param value immediate
     * @return this
     */
    public Assembler sub(Register to, int value) {
        return immediate(5, to, value);
    }

    /**
     * {@code and to, value} (sign-extended).
     *
     * @param to destination
     * @param value immediate
     * @return this
     */
    public Assembler and(Register to, int value) {
        return immediate(4, to, value);
    }

    /**
     * {@code or to, from}.
     *
     * @param to destination
     * @param from source
     * @return this
     */
    public Assembler or(Register to, Register from) {
        return registers(0x09, from, to);
    }

    /**
     * {@code xor to, from}.
     *
     * @param to destination
     * @param from source
     * @return this
     */
    public Assembler xor(Register to, Register from) {
        return registers(0x31, from, to);
    }

    /**
     * {@code cmp left, right}.
     *
     * @param left left operand
     * @param right right operand
     * @return this
     */
    public Assembler cmp(Register left, Register right) {
        return registers(0x39, right, left);
    }

    /**
     * {@code cmp left, value}.
     *
     * @param left left operand
     * @param value immediate, sign-extended
     * @return this
     */
    public Assembler cmp(Register left, int value) {
        return immediate(7, left, value);
    }

    /**
     * {@code test left, right}.
     *
     * @param left left operand
     * @param right right operand
     * @return this
     */
    public Assembler test(Register left, Register right) {
        return registers(0x85, right, left);
    }

    /**
     * {@code neg register}.
     *
     * @param register what to negate
     * @return this
     */
    public Assembler neg(Register register) {
        return bytes(0x48 | register.high(), 0xf7, 0xd8 | register.low());
    }

    /**
     * {@code shl register, count}.
     *
     * @param register what to shift
     * @param count 0 to 63
     * @return this
     */
    public Assembler shl(Register register, int count) {
        return bytes(0x48 | register.high(), 0xc1, 0xe0 | register.low(), count);
    }

    /**
     * {@code shr register, count}.
     *
     * @param register what to shift
     * @param count 0 to 63
     * @return this
     */
    public Assembler shr(Register register, int count) {
        return bytes(0x48 | register.high(), 0xc1, 0xe8 | register.low(), count);
    }

    /**
     * {@code push register}.
     *
     * @param register what to push
     * @return this
     */
    public Assembler push(Register register) {
        return bytes(0x40 | register.high(), 0x50 | register.low());
    }

    /**
     * {@code pop register}.
     *
     * @param register where to
     * @return this
     */
    public Assembler pop(Register register) {
        return bytes(0x40 | register.high(), 0x58 | register.low());
    }

    /**
     * {@code jmp label}.
     *
     * @param label where to
     * @return this
     */
    public Assembler jump(Label label) {
        put(0xe9);
        return displacement(label);
    }

    /**
     * {@code jcc label}.
     *
     * @param condition when to
     * @param label where to
     * @return this
     */
    public Assembler jump(Condition condition, Label label) {
        bytes(0x0f, 0x80 | condition.code);
        return displacement(label);
    }

    /**
     * {@code jmp register}.
     *
     * @param register where to
     * @return this
     */
    public Assembler jump(Register register) {
        return bytes(0x40 | register.high(), 0xff, 0xe0 | register.low());
    }

    /**
     * {@code call label}.
     *
     * @param label where to
     * @return this
     */
    public Assembler call(Label label) {
        put(0xe8);
        return displacement(label);
    }

    /**
     * {@code syscall}.
     *
     * @return this
     */
    public Assembler syscall() {
        return bytes(0x0f, 0x05);
    }

    /**
     * {@code int3}.
     *
     * @return this
     */
    public Assembler int3() {
        return bytes(0xcc);
    }

    /**
     * {@code ret}.
     *
     * @return this
     */
    public Assembler ret() {
        return bytes(0xc3);
    }

    /**
     * {@code pause}.
     *
     * @return this
     */
    public Assembler pause() {
        return bytes(0xf3, 0x90);
    }

    /**
     * {@code rdtsc}.
     *
     * @return this
     */
    public Assembler rdtsc() {
        return bytes(0x0f, 0x31);
    }

    private Assembler registers(int opcode, Register reg, Register rm) {
        return bytes(0x48 | reg.high() << 2 | rm.high(), opcode, 0xc0 | reg.low() << 3 | rm.low());
    }

    private Assembler immediate(int operation, Register rm, int value) {
        bytes(0x48 | rm.high(), 0x81, 0xc0 | operation << 3 | rm.low());
        return int32(value);
    }

    private Assembler memory(int opcode, Register reg, Register base, int displacement) {
        bytes(0x48 | reg.high() << 2 | base.high(), opcode, 0x80 | reg.low() << 3 | base.low());
        if (base.low() == Register.RSP.low()) {
            put(0x24); // rsp and r12 as a base need a SIB byte
        }
        return int32(displacement);
    }

    private Assembler displacement(Label label) {
        fixups.add(new Fixup(size, label));
        return int32(0);
    }

    private void putInt(int at, int value) {
        for (int i = 0; i < 4; i++) {
            code[at + i] = (byte) (value >> 8 * i);
        }
    }

    private void put(int value) {
        if (size == code.length) {
            code = Arrays.copyOf(code, size * 2);
        }
        code[size++] = (byte) value;
    }
}
