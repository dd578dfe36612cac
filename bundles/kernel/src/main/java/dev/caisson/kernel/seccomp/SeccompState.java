package dev.caisson.kernel.seccomp;

import dev.caisson.abi.Seccomp;
import dev.caisson.spi.platform.Registers;

/** What a task may call: strict mode, or a chain of filters of which the severest decides. Immutable; children inherit it. */
public final class SeccompState {
    /** System calls for which it is known beforehand that all filters allow them. */
    private static final int KNOWN = 512;
    /** Room that each filter takes besides its instructions (Linux: seccomp_attach_filter). */
    private static final int FILTER_PENALTY = 4;

    /** Strict mode: read, write, exit and rt_sigreturn. */
    static final SeccompState STRICT = new SeccompState(Seccomp.SECCOMP_MODE_STRICT, null, null, new long[KNOWN / Long.SIZE]);

    private static final int NR_READ = 0;
    private static final int NR_WRITE = 1;
    private static final int NR_RT_SIGRETURN = 15;
    private static final int NR_EXIT = 60;

    private final int mode;
    private final BpfProgram program;
    private final SeccompState previous;
    /** One bit per system call. */
    private final long[] allowed;
    private final int filters;
    private final int instructions;

    private SeccompState(int mode, BpfProgram program, SeccompState previous, long[] allowed) {
        this.mode = mode;
        this.program = program;
        this.previous = previous;
        this.allowed = allowed;
        this.filters = program == null ? 0 : previous == null ? 1 : previous.filters + 1;
        this.instructions = program == null ? 0 : program.length() + (previous == null ? 0 : previous.instructions + FILTER_PENALTY);
    }

    /**
     * Adds a filter.
     *
     * @param program the newest filter
     * @param previous those before, or null
     * @return the longer chain
     */
    static SeccompState filter(BpfProgram program, SeccompState previous) {
        long[] allowed = new long[KNOWN / Long.SIZE];
        for (int number = 0; number < KNOWN; number++) {
            if ((previous == null || previous.allowsWithoutLooking(number)) && program.alwaysAllows(number)) {
                allowed[number / Long.SIZE] |= 1L << number;
            }
        }
        return new SeccompState(Seccomp.SECCOMP_MODE_FILTER, program, previous, allowed);
    }

    /** {@return {@code SECCOMP_MODE_*}} */
    public int mode() {
        return mode;
    }

    /** {@return how many filters there are} */
    public int filters() {
        return filters;
    }

    /**
     * The instructions of a filter, for debuggers.
     *
     * @param index 0 for the oldest, below {@link #filters}
     * @return {@code struct sock_filter}s
     */
    public byte[] filter(int index) {
        SeccompState state = this;
        while (state.filters > index + 1) {
            state = state.previous;
        }
        return state.program.toBytes();
    }

    /** {@return instructions of all filters, with a penalty for each but the first} */
    int instructions() {
        return instructions;
    }

    /** Whether every filter of the other chain is also in this one, with nothing below them. */
    boolean continues(SeccompState other) {
        for (SeccompState state = this; state != null; state = state.previous) {
            if (state == other) {
                return true;
            }
        }
        return other == null;
    }

    /**
     * Whether a call passes, as far as its number tells. Nearly all calls of a filtered program end here.
     *
     * @param number the system call
     * @return false when the filters have to look
     */
    public boolean allowsWithoutLooking(int number) {
        return number >= 0 && number < KNOWN && (allowed[number / Long.SIZE] >>> number & 1) != 0;
    }

    /** Strict mode alone. */
    static boolean isStrictlyAllowed(int number) {
        return number == NR_READ || number == NR_WRITE || number == NR_EXIT || number == NR_RT_SIGRETURN;
    }

    /**
     * Asks all filters.
     *
     * @param number the system call
     * @param registers as they are at the call
     * @return action and data of the severest answer, of the newest filter among equals
     */
    int ask(int number, Registers registers) {
        BpfProgram.Data data = index -> word(index, number, registers);
        int answer = Seccomp.SECCOMP_RET_ALLOW;
        for (SeccompState state = this; state != null; state = state.previous) {
            int next = state.program.run(data);
            if ((next & Seccomp.SECCOMP_RET_ACTION_FULL) < (answer & Seccomp.SECCOMP_RET_ACTION_FULL)) {
                answer = next;
            }
        }
        return answer;
    }

    private static int word(int index, int number, Registers registers) {
        long value = switch (index) {
            case 0 -> number;
            case 1 -> Seccomp.AUDIT_ARCH_X86_64;
            case 2, 3 -> registers.rip();
            default -> registers.argument(index - 4 >> 1);
        };
        return (int) (index > 1 && (index & 1) != 0 ? value >>> 32 : value);
    }
}
