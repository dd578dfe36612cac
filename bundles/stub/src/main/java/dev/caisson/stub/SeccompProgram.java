package dev.caisson.stub;

import dev.caisson.abi.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A seccomp filter (seccomp(2), linux/filter.h): instructions {@code code[2] jumpIfTrue[1] jumpIfFalse[1] k[4]} over
 * struct seccomp_data {@code nr[4] arch[4] instruction_pointer[8] args[6*8]}. The programs here look at whole words and jump
 * forward to one of few ends; they are built from conditions that all must hold.
 */
public final class SeccompProgram {
    /** The call is made. */
    public static final int ALLOW = 0x7fff_0000;
    /** The call fails with ENOSYS. */
    public static final int REFUSE = 0x0005_0026;
    /** The call is not made, and the thread gets SIGSYS. */
    public static final int TRAP = 0x0003_0000;
    /** The process ends. */
    public static final int KILL_PROCESS = 0x8000_0000;

    /** Offsets in struct seccomp_data. */
    public static final int NUMBER = 0;
    /** {@code AUDIT_ARCH_*}. */
    public static final int ARCHITECTURE = 4;
    /** Low half of the address behind the instruction. */
    public static final int PLACE_LOW = 8;
    /** High half of it. */
    public static final int PLACE_HIGH = 12;
    /** Low half of the second argument. */
    public static final int SECOND_ARGUMENT = 24;

    private static final int LOAD = 0x20;
    private static final int EQUAL = 0x15;
    private static final int AND = 0x54;
    private static final int RETURN = 0x06;
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int INSTRUCTION_BYTES = 8;

    private record Instruction(int code, int ifTrue, int ifFalse, int k) {}

    private final List<Instruction> instructions = new ArrayList<>();

    private SeccompProgram() {}

    /**
     * Begins a program that judges 64-bit calls.
     *
     * @param foreign what becomes of calls by other gates of the processor
     * @return the program
     */
    public static SeccompProgram ofAmd64(int foreign) {
        return new SeccompProgram().load(ARCHITECTURE).endUnless(AUDIT_ARCH_X86_64, foreign);
    }

    /**
     * Loads a word of the call.
     *
     * @param offset where it lies
     * @return this
     */
    public SeccompProgram load(int offset) {
        instructions.add(new Instruction(LOAD, 0, 0, offset));
        return this;
    }

    /**
     * Keeps some bits of the word.
     *
     * @param mask which
     * @return this
     */
    public SeccompProgram and(int mask) {
        instructions.add(new Instruction(AND, 0, 0, mask));
        return this;
    }

    /**
     * Ends unless the word has a value.
     *
     * @param value the value
     * @param verdict how to end
     * @return this
     */
    public SeccompProgram endUnless(int value, int verdict) {
        instructions.add(new Instruction(EQUAL, 1, 0, value));
        return end(verdict);
    }

    /**
     * Ends if the word has a value.
     *
     * @param value the value
     * @param verdict how to end
     * @return this
     */
    public SeccompProgram endIf(int value, int verdict) {
        instructions.add(new Instruction(EQUAL, 0, 1, value));
        return end(verdict);
    }

    /**
     * Ends.
     *
     * @param verdict how
     * @return this
     */
    public SeccompProgram end(int verdict) {
        instructions.add(new Instruction(RETURN, 0, 0, verdict));
        return this;
    }

    /** {@return how many instructions there are} */
    public int length() {
        return instructions.size();
    }

    /** {@return the instructions, without a struct sock_fprog} */
    public byte[] instructions() {
        byte[] bytes = new byte[instructions.size() * INSTRUCTION_BYTES];
        writeInstructions(MemorySegment.ofArray(bytes), 0);
        return bytes;
    }

    /** {@return the size of struct sock_fprog and the program behind it} */
    public int bytes() {
        return 16 + instructions.size() * INSTRUCTION_BYTES;
    }

    /**
     * Writes a struct sock_fprog and the program behind it.
     *
     * @param memory where to
     * @param at offset, a multiple of 8
     * @param address of that place where the filter is installed, which is that of the sock_fprog
     */
    public void write(MemorySegment memory, long at, long address) {
        memory.set(Layouts.U64, at, instructions.size()); // unsigned short, padded
        memory.set(Layouts.U64, at + 8, address + 16);
        writeInstructions(memory, at + 16);
    }

    private void writeInstructions(MemorySegment memory, long at) {
        long next = at;
        for (Instruction one : instructions) {
            memory.set(Layouts.U16, next, (short) one.code);
            memory.set(Layouts.U8, next + 2, (byte) one.ifTrue);
            memory.set(Layouts.U8, next + 3, (byte) one.ifFalse);
            memory.set(Layouts.U32, next + 4, one.k);
            next += INSTRUCTION_BYTES;
        }
    }
}
