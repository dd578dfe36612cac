package dev.caisson.kernel.seccomp;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Seccomp;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A classic BPF program over {@code struct seccomp_data}, checked as Linux checks it (net/core/filter.c, bpf_check_classic;
 * kernel/seccomp.c, seccomp_check_filter). Immutable; it ends, since it only jumps forward.
 * <pre>
 * struct sock_filter  0 code (2)  2 jt (1)  3 jf (1)  4 k (4)
 * struct seccomp_data 0 nr (4)  4 arch (4)  8 instruction_pointer (8)  16 args (6 * 8)
 * </pre>
 */
final class BpfProgram {
    static final int INSTRUCTION_BYTES = 8;
    static final int MAX_INSTRUCTIONS = 4096;
    private static final int DATA_BYTES = 64;
    private static final int MEMORY_WORDS = 16;
    private static final int NR_WORD = 0;
    private static final int ARCH_WORD = 1;

    // Codes: class, size or operation, mode or source, as include/uapi/linux/bpf_common.h composes them.
    private static final int LD_W_ABS = 0x20;
    private static final int LD_W_LEN = 0x80;
    private static final int LDX_W_LEN = 0x81;
    private static final int LD_IMM = 0x00;
    private static final int LDX_IMM = 0x01;
    private static final int LD_MEM = 0x60;
    private static final int LDX_MEM = 0x61;
    private static final int ST = 0x02;
    private static final int STX = 0x03;
    private static final int ADD_K = 0x04;
    private static final int ADD_X = 0x0c;
    private static final int SUB_K = 0x14;
    private static final int SUB_X = 0x1c;
    private static final int MUL_K = 0x24;
    private static final int MUL_X = 0x2c;
    private static final int DIV_K = 0x34;
    private static final int DIV_X = 0x3c;
    private static final int OR_K = 0x44;
    private static final int OR_X = 0x4c;
    private static final int AND_K = 0x54;
    private static final int AND_X = 0x5c;
    private static final int LSH_K = 0x64;
    private static final int LSH_X = 0x6c;
    private static final int RSH_K = 0x74;
    private static final int RSH_X = 0x7c;
    private static final int NEG = 0x84;
    private static final int XOR_K = 0xa4;
    private static final int XOR_X = 0xac;
    private static final int JA = 0x05;
    private static final int JEQ_K = 0x15;
    private static final int JEQ_X = 0x1d;
    private static final int JGT_K = 0x25;
    private static final int JGT_X = 0x2d;
    private static final int JGE_K = 0x35;
    private static final int JGE_X = 0x3d;
    private static final int JSET_K = 0x45;
    private static final int JSET_X = 0x4d;
    private static final int RET_K = 0x06;
    private static final int RET_A = 0x16;
    private static final int TAX = 0x07;
    private static final int TXA = 0x87;

    /** What a program reads: {@code struct seccomp_data} as words of 4 bytes. */
    @FunctionalInterface
    interface Data {
        /**
         * One word.
         *
         * @param index offset divided by 4, 0 to 15
         * @return its value
         */
        int word(int index);
    }

    private final int[] codes;
    private final int[] trueJumps;
    private final int[] falseJumps;
    private final int[] values;
    private final boolean usesMemory;

    private BpfProgram(int[] codes, int[] trueJumps, int[] falseJumps, int[] values, boolean usesMemory) {
        this.codes = codes;
        this.trueJumps = trueJumps;
        this.falseJumps = falseJumps;
        this.values = values;
        this.usesMemory = usesMemory;
    }

    /** {@return the instructions as the program gave them} */
    byte[] toBytes() {
        byte[] bytes = new byte[codes.length * INSTRUCTION_BYTES];
        MemorySegment to = MemorySegment.ofArray(bytes);
        for (int i = 0; i < codes.length; i++) {
            long at = (long) i * INSTRUCTION_BYTES;
            to.set(Layouts.U16, at, (short) codes[i]);
            to.set(Layouts.U8, at + 2, (byte) trueJumps[i]);
            to.set(Layouts.U8, at + 3, (byte) falseJumps[i]);
            to.set(Layouts.U32, at + 4, values[i]);
        }
        return bytes;
    }

    /**
     * Checks a program.
     *
     * @param bytes instructions, copied from the guest; 1 to {@link #MAX_INSTRUCTIONS}
     * @return the program
     * @throws ErrnoException EINVAL
     */
    static BpfProgram of(MemorySegment bytes) throws ErrnoException {
        int count = (int) (bytes.byteSize() / INSTRUCTION_BYTES);
        int[] codes = new int[count];
        int[] trueJumps = new int[count];
        int[] falseJumps = new int[count];
        int[] values = new int[count];
        boolean usesMemory = false;
        for (int i = 0; i < count; i++) {
            long at = (long) i * INSTRUCTION_BYTES;
            codes[i] = Short.toUnsignedInt(bytes.get(Layouts.U16, at));
            trueJumps[i] = Byte.toUnsignedInt(bytes.get(Layouts.U8, at + 2));
            falseJumps[i] = Byte.toUnsignedInt(bytes.get(Layouts.U8, at + 3));
            values[i] = bytes.get(Layouts.U32, at + 4);
            usesMemory |= codes[i] == ST || codes[i] == STX;
        }
        BpfProgram program = new BpfProgram(codes, trueJumps, falseJumps, values, usesMemory);
        for (int i = 0; i < count; i++) {
            program.check(i);
        }
        if (codes[count - 1] != RET_K && codes[count - 1] != RET_A) {
            throw EINVAL.error("the last instruction does not return");
        }
        program.checkMemory();
        return program;
    }

    int length() {
        return codes.length;
    }

    private void check(int at) throws ErrnoException {
        int value = values[at];
        switch (codes[at]) {
            case LD_W_ABS -> require(Integer.compareUnsigned(value, DATA_BYTES) < 0 && (value & 3) == 0);
            case LD_W_LEN, LDX_W_LEN, LD_IMM, LDX_IMM, ADD_K, ADD_X, SUB_K, SUB_X, MUL_K, MUL_X, DIV_X, OR_K, OR_X, AND_K, AND_X, LSH_X,
                    RSH_X, NEG, XOR_K, XOR_X, RET_K, RET_A, TAX, TXA -> { }
            case DIV_K -> require(value != 0);
            case LSH_K, RSH_K -> require(Integer.compareUnsigned(value, Integer.SIZE) < 0);
            case LD_MEM, LDX_MEM, ST, STX -> require(Integer.compareUnsigned(value, MEMORY_WORDS) < 0);
            case JA -> require(Integer.compareUnsigned(value, codes.length - at - 1) < 0);
            case JEQ_K, JEQ_X, JGT_K, JGT_X, JGE_K, JGE_X, JSET_K, JSET_X ->
                require(at + trueJumps[at] + 1 < codes.length && at + falseJumps[at] + 1 < codes.length);
            default -> throw EINVAL.error("no instruction of a filter");
        }
    }

    private static void require(boolean good) throws ErrnoException {
        if (!good) {
            throw EINVAL.error("instruction");
        }
    }

    /** No word of memory is read on a way that has not written it (Linux: check_load_and_stores). */
    private void checkMemory() throws ErrnoException {
        int[] written = new int[codes.length];
        Arrays.fill(written, -1);
        int now = 0;
        for (int i = 0; i < codes.length; i++) {
            now &= written[i];
            switch (codes[i]) {
                case ST, STX -> now |= 1 << values[i];
                case LD_MEM, LDX_MEM -> require((now >>> values[i] & 1) != 0);
                case JA -> {
                    written[i + 1 + values[i]] &= now;
                    now = -1;
                }
                case JEQ_K, JEQ_X, JGT_K, JGT_X, JGE_K, JGE_X, JSET_K, JSET_X -> {
                    written[i + 1 + trueJumps[i]] &= now;
                    written[i + 1 + falseJumps[i]] &= now;
                    now = -1;
                }
                default -> { }
            }
        }
    }

    /**
     * Whether the program lets a system call pass whatever its arguments are (Linux: seccomp_is_const_allow).
     *
     * @param number the system call
     * @return false also when it depends
     */
    boolean alwaysAllows(int number) {
        int a = 0;
        for (int i = 0; i < codes.length; i++) {
            int value = values[i];
            switch (codes[i]) {
                case LD_W_ABS -> {
                    if (value != NR_WORD * 4 && value != ARCH_WORD * 4) {
                        return false;
                    }
                    a = value == 0 ? number : Seccomp.AUDIT_ARCH_X86_64;
                }
                case AND_K -> a &= value;
                case JA -> i += value;
                case JEQ_K, JGT_K, JGE_K, JSET_K -> i += holds(codes[i], a, value) ? trueJumps[i] : falseJumps[i];
                case RET_K -> {
                    return value == Seccomp.SECCOMP_RET_ALLOW;
                }
                default -> {
                    return false;
                }
            }
        }
        return false;
    }

    private static boolean holds(int code, int a, int operand) {
        return switch (code) {
            case JEQ_K, JEQ_X -> a == operand;
            case JGT_K, JGT_X -> Integer.compareUnsigned(a, operand) > 0;
            case JGE_K, JGE_X -> Integer.compareUnsigned(a, operand) >= 0;
            default -> (a & operand) != 0;
        };
    }

    /**
     * Runs the program.
     *
     * @param data the system call
     * @return what it returns: action and data
     */
    int run(Data data) {
        int[] memory = usesMemory ? new int[MEMORY_WORDS] : null;
        int a = 0;
        int x = 0;
        for (int i = 0;; i++) {
            int value = values[i];
            switch (codes[i]) {
                case LD_W_ABS -> a = data.word(value >> 2);
                case LD_W_LEN -> a = DATA_BYTES;
                case LDX_W_LEN -> x = DATA_BYTES;
                case LD_IMM -> a = value;
                case LDX_IMM -> x = value;
                case LD_MEM -> a = memory[value];
                case LDX_MEM -> x = memory[value];
                case ST -> memory[value] = a;
                case STX -> memory[value] = x;
                case ADD_K -> a += value;
                case ADD_X -> a += x;
                case SUB_K -> a -= value;
                case SUB_X -> a -= x;
                case MUL_K -> a *= value;
                case MUL_X -> a *= x;
                case DIV_K -> a = Integer.divideUnsigned(a, value);
                case DIV_X -> {
                    if (x == 0) {
                        return 0;
                    }
                    a = Integer.divideUnsigned(a, x);
                }
                case OR_K -> a |= value;
                case OR_X -> a |= x;
                case AND_K -> a &= value;
                case AND_X -> a &= x;
                case LSH_K -> a <<= value;
                case LSH_X -> a <<= x;
                case RSH_K -> a >>>= value;
                case RSH_X -> a >>>= x;
                case NEG -> a = -a;
                case XOR_K -> a ^= value;
                case XOR_X -> a ^= x;
                case JA -> i += value;
                case JEQ_K, JGT_K, JGE_K, JSET_K -> i += holds(codes[i], a, value) ? trueJumps[i] : falseJumps[i];
                case JEQ_X, JGT_X, JGE_X, JSET_X -> i += holds(codes[i], a, x) ? trueJumps[i] : falseJumps[i];
                case RET_K -> {
                    return value;
                }
                case RET_A -> {
                    return a;
                }
                case TAX -> x = a;
                case TXA -> a = x;
                default -> throw new IllegalStateException("unchecked instruction " + codes[i]);
            }
        }
    }
}
