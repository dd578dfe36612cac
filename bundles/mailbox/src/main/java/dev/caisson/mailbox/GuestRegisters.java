package dev.caisson.mailbox;

import dev.caisson.spi.platform.Registers;

/** What registers of a guest may hold. They come from memory that guest code may write, or from a guest's signal frame. */
public final class GuestRegisters {
    /** One past the highest address of user code. */
    public static final long USER_LIMIT = 0x7fff_ffff_f000L;

    private static final int CODE_64 = 0x33;
    private static final int CODE_32 = 0x23;
    private static final int DATA = 0x2b;
    /** CF PF AF ZF SF TF DF OF RF AC ID, as Linux lets a signal frame set them (arch/x86/kernel/signal.c, FIX_EFLAGS), and ID. */
    private static final long USER_FLAGS = 0x250dd5;
    /** Always 1, and interrupts on. */
    private static final long FIXED_FLAGS = 0x202;

    private GuestRegisters() {}

    /**
     * Mends a copy of what a stub said: selectors and flags that no user has.
     *
     * @param registers the copy, which no guest can write
     */
    public static void mend(Registers registers) {
        registers.cs(registers.cs() == CODE_32 ? CODE_32 : CODE_64);
        registers.ss(DATA);
        registers.eflags(registers.eflags() & USER_FLAGS | FIXED_FLAGS);
    }

    /**
     * Prepares registers for a guest to run with.
     *
     * @param registers the kernel's; selectors and flags are mended
     * @return false if no program can have them, which is a general protection fault
     */
    public static boolean prepare(Registers registers) {
        mend(registers);
        return isUsers(registers.rip()) && isUsers(registers.fsBase()) && isUsers(registers.gsBase());
    }

    private static boolean isUsers(long address) {
        return address >= 0 && address < USER_LIMIT;
    }
}
