package dev.caisson.mailbox;

import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

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

    private static final int LINE_BYTES = 64;

    private GuestRegisters() {}

    /**
     * Writes registers to a slot, but only those cache lines that differ from what is there. Most calls change one register, and each
     * line that is written costs the stub's processor a fetch from ours.
     *
     * @param registers what the guest shall have
     * @param slot native memory of the slot, aligned to a cache line
     */
    public static void put(Registers registers, MemorySegment slot) {
        MemorySegment own = registers.segment();
        long at = 0;
        while (at < Registers.BYTES) {
            long end = SlotLayout.REGISTERS + Registers.BYTES;
            long same = MemorySegment.mismatch(own, at, Registers.BYTES, slot, SlotLayout.REGISTERS + at, end);
            if (same < 0) {
                return;
            }
            long line = at + same & -LINE_BYTES;
            at = Math.min(line + LINE_BYTES, Registers.BYTES);
            MemorySegment.copy(own, line, slot, SlotLayout.REGISTERS + line, at - line);
        }
    }

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
