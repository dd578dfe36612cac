package dev.caisson.host.code;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Seccomp;
import dev.caisson.host.HostSystem;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A seccomp filter (seccomp(2), linux/filter.h): instructions {@code code[2] jumpIfTrue[1] jumpIfFalse[1] k[4]} over
 * struct seccomp_data {@code nr[4] arch[4] instruction_pointer[8] args[6*8]}. The programs here look at whole words and jump
 * forward to one of few ends; they are built from conditions, each of which either ends the program or leaves the rest to what follows.
 */
public final class SeccompProgram {
    /** The call is made. */
    public static final int ALLOW = Seccomp.SECCOMP_RET_ALLOW;
    /** The call fails with ENOSYS. */
    public static final int REFUSE = Seccomp.SECCOMP_RET_ERRNO | Errno.ENOSYS.number();
    /** The call is not made, and the thread gets SIGSYS. */
    public static final int TRAP = Seccomp.SECCOMP_RET_TRAP;
    /** The process ends. */
    public static final int KILL_PROCESS = Seccomp.SECCOMP_RET_KILL_PROCESS;

    /** Offsets in struct seccomp_data. */
    public static final int NUMBER = 0;
    /** {@code AUDIT_ARCH_*}. */
    public static final int ARCHITECTURE = 4;
    /** Low half of the address behind the instruction. */
    public static final int PLACE_LOW = 8;
    /** High half of it. */
    public static final int PLACE_HIGH = 12;
    /** Low half of the first argument. */
    public static final int FIRST_ARGUMENT = 16;
    /** Low half of the second argument. */
    public static final int SECOND_ARGUMENT = 24;

    private static final int LOAD = 0x20;
    private static final int EQUAL = 0x15;
    private static final int AT_LEAST = 0x35;
    private static final int ANY_BIT = 0x45;
    private static final int AND = 0x54;
    private static final int RETURN = 0x06;
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
        return new SeccompProgram().load(ARCHITECTURE).endUnless(Seccomp.AUDIT_ARCH_X86_64, foreign);
    }

    /**
     * Begins a part of a program, for {@link #branchIf}.
     *
     * @return the part
     */
    public static SeccompProgram branch() {
        return new SeccompProgram();
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
     * Ends if the word, unsigned, is not below a value.
     *
     * @param value the value
     * @param verdict how to end
     * @return this
     */
    public SeccompProgram endIfAtLeast(int value, int verdict) {
        instructions.add(new Instruction(AT_LEAST, 0, 1, value));
        return end(verdict);
    }

    /**
     * Ends if the word has any of some bits.
     *
     * @param mask the bits
     * @param verdict how to end
     * @return this
     */
    public SeccompProgram endIfAny(int mask, int verdict) {
        instructions.add(new Instruction(ANY_BIT, 0, 1, mask));
        return end(verdict);
    }

    /**
     * Leaves it to another program how to end if the word has a value.
     *
     * @param value the value
     * @param other a {@link #branch} that ends whatever it finds, of at most 255 instructions
     * @return this
     */
    public SeccompProgram branchIf(int value, SeccompProgram other) {
        if (other.length() > 0xff || other.instructions.getLast().code != RETURN) {
            throw new IllegalArgumentException("no end, or one too far away");
        }
        instructions.add(new Instruction(EQUAL, 0, other.length(), value));
        instructions.addAll(other.instructions);
        return this;
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

    /**
     * Puts the filter over the calling thread, or over all threads of the process.
     *
     * @param flags {@code SECCOMP_FILTER_FLAG_*}
     * @return 0, a thread that could not be synchronised, or a negated error number
     */
    public long install(int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment program = arena.allocate(bytes(), 8);
            write(program, 0, program.address());
            return HostSystem.seccompFilter(flags, program.address());
        }
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
