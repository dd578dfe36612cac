package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The general registers of a stopped task as {@code struct user_regs_struct}, and the rest of {@code struct user}, with the checks of
 * putreg() in arch/x86/kernel/ptrace.c. All methods are for {@link TracerHold#look}.
 */
final class TraceeRegisters {
    /** {@code sizeof(struct user)} of the kernel, which has two words more than that of the C library. */
    private static final long USER_BYTES = 928;
    /** Offset of {@code u_debugreg}, eight words. */
    private static final long DEBUG_REGISTERS = 848;
    private static final long USER_LIMIT = 0x7fff_ffff_f000L;
    /** CF PF AF ZF SF TF DF OF NT RF AC: what a tracer may set. */
    private static final long SETTABLE_FLAGS = 0x54dd5;
    private static final long TRAP_FLAG = 0x100;

    private static final int CS = 17 * 8;
    private static final int EFLAGS = 18 * 8;
    private static final int SS = 20 * 8;
    private static final int FS_BASE = 21 * 8;
    private static final int GS_BASE = 22 * 8;
    private static final int DS = 23 * 8;
    private static final int ES = 24 * 8;
    private static final int FS = 25 * 8;
    private static final int GS = 26 * 8;

    private TraceeRegisters() {}

    /** PTRACE_PEEKUSER: EIO for a place that is none. Fields that Linux does not keep up read as 0. */
    static long peek(Tracee tracee, long offset) throws ErrnoException {
        check(offset);
        if (offset < Registers.BYTES) {
            return get(tracee, (int) offset);
        }
        return isDebugRegister(offset) ? tracee.debugRegisters().get((int) (offset - DEBUG_REGISTERS) / 8) : 0;
    }

    /** PTRACE_POKEUSER: EIO for a place or value that is none. */
    static void poke(Tracee tracee, long offset, long value) throws ErrnoException {
        check(offset);
        if (offset < Registers.BYTES) {
            set(tracee, (int) offset, value);
        } else if (isDebugRegister(offset)) {
            tracee.debugRegisters().set((int) (offset - DEBUG_REGISTERS) / 8, value);
        } else {
            throw EIO.error();
        }
    }

    private static boolean isDebugRegister(long offset) {
        return offset >= DEBUG_REGISTERS && offset < DEBUG_REGISTERS + 8 * 8;
    }

    private static void check(long offset) throws ErrnoException {
        if ((offset & 7) != 0 || Long.compareUnsigned(offset, USER_BYTES) >= 0) {
            throw EIO.error();
        }
    }

    /** Reads all registers. */
    static byte[] all(Tracee tracee) {
        byte[] bytes = new byte[Registers.BYTES];
        MemorySegment words = MemorySegment.ofArray(bytes);
        for (int offset = 0; offset < Registers.BYTES; offset += 8) {
            words.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, get(tracee, offset));
        }
        return bytes;
    }

    /** Writes registers from the first on; those before one that is refused are written. */
    static void setAll(Tracee tracee, byte[] bytes) throws ErrnoException {
        MemorySegment words = MemorySegment.ofArray(bytes);
        for (int offset = 0; offset + 8 <= bytes.length; offset += 8) {
            set(tracee, offset, words.get(ValueLayout.JAVA_LONG_UNALIGNED, offset));
        }
    }

    private static MemorySegment registers(Tracee tracee) {
        return tracee.task().registers().segment();
    }

    private static long get(Tracee tracee, int offset) {
        long value = registers(tracee).get(ValueLayout.JAVA_LONG, offset);
        return offset == EFLAGS ? value & ~tracee.hiddenFlags() : value;
    }

    private static void set(Tracee tracee, int offset, long value) throws ErrnoException {
        long next = value;
        switch (offset) {
            case CS, SS -> next = selector(value, false);
            case DS, ES, FS, GS -> next = selector(value, true);
            case FS_BASE, GS_BASE -> {
                if (value < 0 || value >= USER_LIMIT) {
                    throw EIO.error();
                }
            }
            case EFLAGS -> next = get(tracee, EFLAGS) & ~SETTABLE_FLAGS | value & SETTABLE_FLAGS;
            default -> { }
        }
        registers(tracee).set(ValueLayout.JAVA_LONG, offset, next);
        if (offset == EFLAGS) {
            tracee.flagsWritten((value & TRAP_FLAG) != 0);
        }
    }

    /** ARCH_SET_FS, ARCH_SET_GS: EPERM for an address that no program has. */
    static void setBase(Tracee tracee, boolean isFs, long value) throws ErrnoException {
        if (value < 0 || value >= USER_LIMIT) {
            throw EPERM.error();
        }
        registers(tracee).set(ValueLayout.JAVA_LONG, isFs ? FS_BASE : GS_BASE, value);
    }

    private static long selector(long value, boolean mayBeNull) throws ErrnoException {
        long selector = value & 0xffff;
        if (selector == 0 ? !mayBeNull : (selector & 3) != 3) {
            throw EIO.error("not a selector of user code");
        }
        return selector;
    }
}
