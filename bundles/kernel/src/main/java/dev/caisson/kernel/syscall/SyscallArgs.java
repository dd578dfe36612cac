package dev.caisson.kernel.syscall;

import dev.caisson.spi.platform.Registers;

/**
 * The arguments of a system call: a view over the caller's registers, one per task, so that a call allocates nothing. A handler
 * that changes registers reads its arguments first.
 */
public final class SyscallArgs {
    private final Registers registers;

    /**
     * Makes a view.
     *
     * @param registers the task's registers
     */
    public SyscallArgs(Registers registers) {
        this.registers = registers;
    }

    /**
     * An argument as a 64-bit value.
     *
     * @param index 0 to 5
     * @return the value
     */
    public long value(int index) {
        return registers.argument(index);
    }

    /**
     * An argument of C type int: the upper half of the register does not count.
     *
     * @param index 0 to 5
     * @return the value
     */
    public int i32(int index) {
        return (int) registers.argument(index);
    }

    /**
     * A file descriptor; like every int, its upper half does not count.
     *
     * @param index 0 to 5
     * @return the number, possibly negative
     */
    public int fd(int index) {
        return (int) registers.argument(index);
    }

    /**
     * A guest address, unchecked.
     *
     * @param index 0 to 5
     * @return the address
     */
    public long address(int index) {
        return registers.argument(index);
    }
}
