package dev.caisson.platform.systrap;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostBytes;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/**
 * What one task puts into a slot before its guest runs, and what comes out of it. Hides that the guest has trampolines: whoever stops in
 * one stops at its site, and whoever goes on at a rewritten site goes on in the trampoline. Belongs to the task's thread.
 */
final class SlotExchange {
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int SYSCALL_BYTES = 2;

    private final ThreadBases bases;
    private final SlotExceptions exceptions = new SlotExceptions();
    /** Where the guest goes on after its last call, if that was the last event: no call of a rewritten site lies there. */
    private long calledFrom;

    SlotExchange(ThreadBases bases) {
        this.bases = bases;
    }

    /** Before the guest's turn. */
    void load(Registers registers, MemorySegment memory, SystrapAddressSpace space) {
        HostBytes.copy(memory.address() + SlotLayout.REGISTERS, registers.address(), Registers.BYTES);
        if (registers.rip() != calledFrom) {
            SiteRewriter rewriter = space.rewriter();
            if (rewriter != null) {
                memory.set(Layouts.U64, SlotLayout.register(StubWords.RIP), rewriter.resume(registers.rip()));
            }
        }
    }

    /**
     * After the guest's turn.
     *
     * @param memory the slot, which guest code may still be writing
     * @param registers where the guest's go
     * @param space where it ran
     * @return what to tell the kernel; null if the event is nobody's business; {@link Exit.Plain#INTERRUPTED} if it was a kick
     */
    Exit read(MemorySegment memory, Registers registers, SystrapAddressSpace space) {
        int kind = memory.get(Layouts.U32, SlotLayout.KIND);
        HostBytes.copy(registers.address(), memory.address() + SlotLayout.REGISTERS, Registers.BYTES);
        GuestRegisters.mend(registers);
        bases.seen(registers, space.table());
        Trampolines trampolines = space.trampolines();
        boolean inTrampoline = trampolines != null && trampolines.contains(registers.rip());
        switch (kind) {
            case SlotLayout.KIND_DIRECT_CALL -> {
                return called(registers);
            }
            case SlotLayout.KIND_CALL -> {
                if (memory.get(Layouts.U32, SlotLayout.GATE) != AUDIT_ARCH_X86_64) {
                    // By int 0x80 or sysenter. We are a kernel without 32-bit calls, where these are general protection faults.
                    registers.origRax(-1);
                    registers.rip(registers.rip() - SYSCALL_BYTES);
                    return SlotExceptions.protectionFault();
                }
                if (inTrampoline) {
                    registers.rip(trampolines.returnAddress(registers.rip()));
                    registers.rcx(registers.rip());
                } else if (space.rewriter() != null) {
                    space.rewriter().trapped(registers.rip(), registers.rax());
                }
                return called(registers);
            }
            case SlotLayout.KIND_INTERRUPT -> {
                registers.origRax(-1);
                if (inTrampoline) {
                    registers.rip(trampolines.site(registers.rip()));
                }
                return Exit.Plain.INTERRUPTED;
            }
            default -> {
                registers.origRax(-1);
                if (inTrampoline && leaveTrampoline(memory, registers, space)) {
                    return null;
                }
                return exceptions.read(memory, registers);
            }
        }
    }

    private Exit called(Registers registers) {
        calledFrom = registers.rip();
        registers.origRax(registers.rax());
        registers.rax(SlotExceptions.NO_RESULT);
        return Exit.Plain.SYSCALL;
    }

    /**
     * An exception in a trampoline is one of its site. Who steps through code gets the site back as it was.
     *
     * @return whether to go on there without a word
     */
    private static boolean leaveTrampoline(MemorySegment memory, Registers registers, SystrapAddressSpace space) {
        long at = registers.rip();
        registers.rip(space.trampolines().site(at));
        SiteRewriter rewriter = space.rewriter();
        return memory.get(Layouts.U32, SlotLayout.SIGNAL) == Signals.SIGTRAP && rewriter != null && rewriter.undo(at);
    }
}
