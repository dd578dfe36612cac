package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;

/**
 * dr0 to dr7 of a traced task: kept and told, but no platform can lend the processor's own. A breakpoint that is enabled is ENOSPC, as
 * on a machine that has none to spare; debuggers then step instead.
 */
final class DebugRegisters {
    private static final long USER_LIMIT = 0x7fff_ffff_f000L;
    /** Bits of dr6 that read as ones. */
    private static final long STATUS_RESERVED = 0xffff0ff0L;
    private static final long CONTROL_RESERVED = 0xffffffff_0000fc00L;
    private static final long ENABLED = 0xff;

    private final long[] addresses = new long[4];
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
                addresses[number] = value;
            }
            case 6 -> status = value ^ STATUS_RESERVED;
            case 7 -> {
                if ((value & ENABLED) != 0) {
                    throw ENOSPC.error("no hardware breakpoints");
                }
                control = value & ~CONTROL_RESERVED;
            }
            default -> throw EIO.error();
        }
    }
}
