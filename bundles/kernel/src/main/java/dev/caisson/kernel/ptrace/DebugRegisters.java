package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;
import java.util.Arrays;

/**
 * dr0 to dr7 of a traced task, as arch/x86/kernel/ptrace.c checks them. No platform lends the processor's own: {@link HardwareWatch} finds
 * out by steps what they would. Steps do not show what an instruction reads; a breakpoint on reads is ENOSPC, as on a machine that has
 * none to spare.
 *
 * <pre>
 *  dr7, for breakpoint i
 *    2 * i       2  enabled, locally or globally
 *    16 + 4 * i  2  type: 0 execution, 1 write, 3 read or write
 *    18 + 4 * i  2  length: 0 is 1, 1 is 2, 3 is 4, 2 is 8 bytes
 * </pre>
 *
 * <p>Written while the task is stopped, read by its own thread.
 */
final class DebugRegisters {
    /** Breakpoints of the processor. */
    static final int BREAKPOINTS = 4;
    /** In dr6: the trap is that of a single step. */
    static final long STEP = 0x4000;
    private static final long USER_LIMIT = 0x7fff_ffff_f000L;
    /** Bits of dr6 that read as ones. */
    private static final long STATUS_RESERVED = 0xffff0ff0L;
    private static final long CONTROL_RESERVED = 0xffffffff_0000fc00L;
    private static final long ENABLED = 0xff;
    private static final int TYPE_EXECUTION = 0;
    private static final int TYPE_WRITE = 1;
    private static final int TYPE_PORT = 2;

    private final long[] addresses = new long[BREAKPOINTS];
    private long status;
    private long control;

    long get(int number) {
        return switch (number) {
            case 0, 1, 2, 3 -> addresses[number];
            case 6 -> status ^ STATUS_RESERVED;
            case 7 -> control;
            default -> 0;
        };
    }

    void set(int number, long value) throws ErrnoException {
        switch (number) {
            case 0, 1, 2, 3 -> {
                if (value < 0 || value >= USER_LIMIT) {
                    throw EINVAL.error("not an address of the program");
                }
                if (isEnabled(control, number)) {
                    check(control, number, value);
                }
                addresses[number] = value;
            }
            case 6 -> status = value ^ STATUS_RESERVED;
            case 7 -> {
                long next = value & ~CONTROL_RESERVED;
                for (int i = 0; i < BREAKPOINTS; i++) {
                    if (isEnabled(next, i)) {
                        check(next, i, addresses[i]);
                    }
                }
                control = next;
            }
            default -> throw EIO.error();
        }
    }

    private static void check(long control, int number, long address) throws ErrnoException {
        int type = type(control, number);
        int length = length(control, number);
        if (type == TYPE_PORT || type == TYPE_EXECUTION && length != 1 || (address & length - 1) != 0) {
            throw EINVAL.error("no such breakpoint");
        }
        if (type != TYPE_EXECUTION && type != TYPE_WRITE) {
            throw ENOSPC.error("no hardware breakpoints on reads");
        }
    }

    /** execve(2): addresses of the old program mean nothing. */
    void clear() {
        Arrays.fill(addresses, 0);
        status = 0;
        control = 0;
    }

    /** Whether any breakpoint is enabled. */
    boolean isOn() {
        return (control & ENABLED) != 0;
    }

    /** Whether a breakpoint is for writes to {@link #length} bytes at {@link #address}. */
    boolean isOnWrite(int number) {
        return isEnabled(control, number) && type(control, number) == TYPE_WRITE;
    }

    /** Whether a breakpoint is for the instruction at {@link #address}. */
    boolean isOnExecution(int number) {
        return isEnabled(control, number) && type(control, number) == TYPE_EXECUTION;
    }

    long address(int number) {
        return addresses[number];
    }

    int length(int number) {
        return length(control, number);
    }

    /**
     * A debug exception has happened.
     *
     * @param hits a bit for each breakpoint
     * @param isStep whether the program or its tracer stepped
     */
    void trapped(int hits, boolean isStep) {
        status = hits | (isStep ? STEP : 0);
    }

    private static boolean isEnabled(long control, int number) {
        return (control >>> 2 * number & 3) != 0;
    }

    private static int type(long control, int number) {
        return (int) (control >>> 16 + 4 * number) & 3;
    }

    private static int length(long control, int number) {
        return switch ((int) (control >>> 18 + 4 * number) & 3) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
        };
    }
}
