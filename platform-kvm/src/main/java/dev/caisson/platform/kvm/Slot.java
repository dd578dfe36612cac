package dev.caisson.platform.kvm;

import dev.caisson.abi.Layouts;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The kernel's side of the slot that a processor's stub has in one address space. On {@link EntryPath#RING_3} guest code of that space
 * can write it at any time, so all that comes out of it is a register of its own.
 */
final class Slot {
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final int RAX = SlotLayout.register(10);
    private static final int INDEX_RCX = 11;
    /** Of {@link Registers}: all but the selectors of fs and gs. */
    private static final int STORED_BYTES = 25 * 8;

    private final MemorySegment memory;

    /**
     * Makes the kernel's side.
     *
     * @param memory the page
     */
    Slot(MemorySegment memory) {
        this.memory = memory;
    }

    /** {@return whether it is the kernel's turn: the slot holds a call} */
    boolean isKernels() {
        return ((int) INT.getAcquire(memory, (long) SlotLayout.STATE) & Turn.KERNEL) != 0;
    }

    /** Before a processor goes where the kernel says: it is the guest's turn, and the stub spins for so long. */
    void reset(long spinTicks) {
        memory.set(Layouts.U64, SlotLayout.SPIN, spinTicks);
        memory.set(Layouts.U32, SlotLayout.COMMAND, SlotLayout.RETURN_FROM_CALL);
        INT.setRelease(memory, (long) SlotLayout.STATE, Turn.GUEST);
    }

    /** Lets the stub return from a call. */
    void answer(long rax) {
        memory.set(Layouts.U64, RAX, rax);
        memory.set(Layouts.U32, SlotLayout.COMMAND, SlotLayout.RETURN_FROM_CALL);
        INT.getAndSet(memory, (long) SlotLayout.STATE, Turn.GUEST);
    }

    /** Makes the stub ring the doorbell instead of returning from its call. */
    void dismiss() {
        memory.set(Layouts.U32, SlotLayout.COMMAND, StubCode.LEAVE);
        INT.getAndSet(memory, (long) SlotLayout.STATE, Turn.GUEST);
    }

    /** Makes the stub ring the doorbell for its next call. */
    void await() {
        INT.compareAndExchange(memory, (long) SlotLayout.STATE, Turn.GUEST, Turn.GUEST_AWAITED);
    }

    /** Copies the registers of a call out, all but the selectors of fs and gs. */
    void store(Registers registers) {
        MemorySegment.copy(memory, SlotLayout.REGISTERS, registers.segment(), 0, STORED_BYTES);
        GuestRegisters.mend(registers);
    }

    /** {@return rcx of a call that has not got further than that} */
    long rcx() {
        return memory.get(Layouts.U64, SlotLayout.register(INDEX_RCX));
    }
}
