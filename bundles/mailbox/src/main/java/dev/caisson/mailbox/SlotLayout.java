package dev.caisson.mailbox;

import dev.caisson.spi.platform.Registers;

/**
 * What lies where in a slot. The header is the same on all platforms; where the FPU image lies, a platform says itself.
 *
 * <pre>
 *   0 u32 state      whose turn it is: {@link Turn}
 *   4 u32 kind       KIND_*, why the stub gave the turn
 *   8 u32 command    what the kernel wants of the stub's next turn
 *  12 u32            unused
 *  16 u64 spin       ticks of the time stamp counter for which the stub may spin
 *  24 u32 signal     of an exception, as Linux would send it
 *  28 s32 code       its si_code
 *  32 u64 address    its si_addr
 *  40 u64 error      error code of the processor
 *  48 u64 trap       number of the exception
 *  56 u32 gate       AUDIT_ARCH_* of a call
 *  64 registers      {@link Registers#BYTES} bytes in the order of {@link Registers}
 * 320                what the platform likes
 * 512 end of the header
 * </pre>
 */
public final class SlotLayout {
    /** Offset of the state word. */
    public static final int STATE = 0;
    /** Offset of the kind. */
    public static final int KIND = 4;
    /** Offset of the command. */
    public static final int COMMAND = 8;
    /** Offset of the stub's bound for spinning. */
    public static final int SPIN = 16;
    /** Offset of the signal number. */
    public static final int SIGNAL = 24;
    /** Offset of the signal's code. */
    public static final int CODE = 28;
    /** Offset of the signal's address. */
    public static final int ADDRESS = 32;
    /** Offset of the error code. */
    public static final int ERROR = 40;
    /** Offset of the exception's number. */
    public static final int TRAP = 48;
    /** Offset of the gate by which a call came. */
    public static final int GATE = 56;
    /** Offset of the registers. */
    public static final int REGISTERS = 64;
    /** Offset of what the platform keeps for itself. */
    public static final int PRIVATE = 320;
    /** Size of the header. */
    public static final int HEADER_BYTES = 512;

    /** Kinds: a system call whose number is in rax, and whose return address is rip. */
    public static final int KIND_CALL = 1;
    /** Signal, code, address, error and trap say what happened. */
    public static final int KIND_EXCEPTION = 2;
    /** A kick. */
    public static final int KIND_INTERRUPT = 3;
    /** The FPU state is in the slot now, as the kernel wanted. */
    public static final int KIND_SAVED = 4;
    /** As {@link #KIND_CALL}, of a call that came without an exception or a signal. */
    public static final int KIND_DIRECT_CALL = 5;

    /** Commands: run the guest; of the registers only rax has changed since its last call. */
    public static final int RETURN_FROM_CALL = 0;
    /** Run the guest with the registers in the slot. */
    public static final int LOAD_REGISTERS = 1;
    /** Load the FPU image first. */
    public static final int LOAD_FPU = 2;
    /** Load the bases of fs and gs first. */
    public static final int LOAD_BASES = 4;
    /** Save the FPU state and give the turn back with {@link #KIND_SAVED}; with nothing else. */
    public static final int SAVE_FPU = 8;

    private SlotLayout() {}

    /**
     * Offset of a register.
     *
     * @param index word in {@link Registers}
     * @return offset in the slot
     */
    public static int register(int index) {
        return REGISTERS + 8 * index;
    }
}
