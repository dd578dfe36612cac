package dev.caisson.testing.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Layouts;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/**
 * What every platform must do: system calls, faults, exceptions, address spaces. The other half is
 * {@link ContextContract}, from which this class inherits: registers, FPU, interrupts, threads.
 */
public abstract class PlatformContractTest extends EdgeContract {
    private static final int SIGILL = 4;
    private static final int SIGTRAP = 5;
    private static final int SIGFPE = 8;
    private static final int SIGSEGV = 11;
    private static final int FPE_INTDIV = 1;
    private static final int TRAP_TRACE = 2;
    private static final int SI_KERNEL = 0x80;
    private static final long HOLE = 0x4000_0000L;

    /** For subclasses. */
    protected PlatformContractTest() {}

    // ---- faults

    @Test
    void loadFromNothingIsAFaultThatAMappingCures() throws Exception {
        guest.program(Programs.load());
        guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET + 8, 0x1122334455667788L);
        guest.registers.rdi(HOLE + 8);

        fault(HOLE + 8, AccessType.READ, false);
        assertEquals(Guest.CODE, guest.registers.rip());

        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        syscall();
        assertEquals(0x1122334455667788L, guest.registers.origRax());
    }

    @Test
    void storeToNothingIsAFaultThatAMappingCures() throws Exception {
        guest.program(Programs.store());
        guest.registers.rdi(HOLE);
        guest.registers.rax(42);

        fault(HOLE, AccessType.WRITE, false);

        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, true);
        syscall();
        assertEquals(42, guest.memory.get(Layouts.U64, Guest.SPARE_OFFSET));
    }

    @Test
    void jumpToNothingIsAFetchFault() throws Exception {
        guest.program(new Assembler().jump(Register.RDI));
        guest.registers.rdi(HOLE + 0x123);

        Exit.Fault fault = (Exit.Fault) guest.runOn();

        assertEquals(HOLE + 0x123, fault.address());
        assertEquals(AccessType.EXECUTE, fault.access());
        assertEquals(HOLE + 0x123, guest.registers.rip());
    }

    @Test
    void storeToReadOnlyIsAWriteFaultOnAMapping() throws Exception {
        guest.program(Programs.store());
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        guest.registers.rdi(HOLE + 16);
        guest.registers.rax(7);

        Exit.Fault fault = (Exit.Fault) guest.runOn();
        assertEquals(HOLE + 16, fault.address());
        assertEquals(AccessType.WRITE, fault.access());
        assertTrue(fault.isMapped());

        guest.space.protect(HOLE, Guest.PAGE, Guest.READ_WRITE);
        syscall();
        assertEquals(7, guest.memory.get(Layouts.U64, Guest.SPARE_OFFSET + 16));
    }

    @Test
    void jumpToDataIsAFetchFaultOnAMapping() throws Exception {
        guest.program(new Assembler().jump(Register.RDI));
        guest.registers.rdi(Guest.DATA + 64);

        Exit.Fault fault = (Exit.Fault) guest.runOn();

        assertEquals(Guest.DATA + 64, fault.address());
        assertEquals(AccessType.EXECUTE, fault.access());
        assertTrue(fault.isMapped());
    }

    @Test
    void anAddressThatNoProcessorHasIsNoPageFault() throws Exception {
        guest.program(Programs.load());
        guest.registers.rdi(0x8000_0000_0000_0000L);

        signal(SIGSEGV, SI_KERNEL);
        assertEquals(Guest.CODE, guest.registers.rip());
    }

    @Test
    void firstAndLastPageCanBeMapped() throws Exception {
        guest.program(Programs.load());
        long last = guest.platform.addressLimit() - Guest.PAGE;
        guest.space.map(last, Guest.PAGE, Guest.DATA_OFFSET, Guest.READ, false);
        guest.data(Guest.PAGE - 8, 99);
        guest.registers.rdi(last + Guest.PAGE - 8);
        syscall();
        assertEquals(99, guest.registers.origRax());
    }

    // ---- exceptions

    @Test
    void undefinedInstructionIsSigill() throws Exception {
        guest.program(new Assembler().bytes(0x90, 0x0f, 0x0b));
        signal(SIGILL, 2 /* ILL_ILLOPN */);
        assertEquals(Guest.CODE + 1, guest.registers.rip());
    }

    @Test
    void breakpointIsSigtrapBehindTheInstruction() throws Exception {
        guest.program(new Assembler().int3().syscall());
        signal(SIGTRAP, SI_KERNEL);
        assertEquals(Guest.CODE + 1, guest.registers.rip());
        syscall();
    }

    @Test
    void privilegedInstructionIsSigsegvWithoutAddress() throws Exception {
        guest.program(new Assembler().bytes(0xf4)); // hlt
        Exit.Signal signal = signal(SIGSEGV, SI_KERNEL);
        assertEquals(0, signal.address());
        assertEquals(Guest.CODE, guest.registers.rip());
    }

    @Test
    void divisionByZeroIsSigfpe() throws Exception {
        guest.program(new Assembler().mov(Register.RCX, 0).bytes(0x48, 0xf7, 0xf1).syscall()); // div rcx
        Exit.Signal signal = signal(SIGFPE, FPE_INTDIV);
        assertEquals(Guest.CODE + 5, guest.registers.rip());
        assertEquals(Guest.CODE + 5, signal.address());
        guest.registers.rip(Guest.CODE + 8); // a handler may skip it
        syscall();
    }

    @Test
    void trapFlagStepsOneInstruction() throws Exception {
        guest.program(new Assembler().bytes(0x90, 0x90, 0x90).syscall());
        guest.registers.eflags(0x302);
        signal(SIGTRAP, TRAP_TRACE);
        assertEquals(Guest.CODE + 1, guest.registers.rip());
        signal(SIGTRAP, TRAP_TRACE);
        assertEquals(Guest.CODE + 2, guest.registers.rip());
        guest.registers.eflags(0x202);
        syscall();
    }

    @Test
    void callsOfThirtyTwoBitCodeAreProtectionFaults() throws Exception {
        guest.program(new Assembler().mov(Register.RAX, 20).bytes(0xcd, 0x80)); // int 0x80
        signal(SIGSEGV, SI_KERNEL);
        assertEquals(Guest.CODE + 5, guest.registers.rip());
        assertEquals(20, guest.registers.rax());
    }

    @Test
    void exceptionsAreFollowedByOrdinaryLife() throws Exception {
        guest.program(new Assembler().int3().bytes(0x0f, 0x0b));
        for (int i = 0; i < 200; i++) {
            guest.registers.rip(Guest.CODE);
            signal(SIGTRAP, SI_KERNEL);
            signal(SIGILL, 2);
        }
    }

    // ---- address spaces

    @Test
    void unmapTakesEffectBeforeItReturns() throws Exception {
        guest.program(Programs.store());
        guest.registers.rdi(Guest.DATA);
        guest.registers.rax(1);
        syscall();
        guest.space.unmap(Guest.DATA, Guest.PAGE);
        guest.registers.rip(Guest.CODE);
        fault(Guest.DATA, AccessType.WRITE, false);
    }

    @Test
    void unmapStopsAThreadThatIsWriting() throws Exception {
        // The guest stores rax to [rdi] for ever.
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.store(Register.RDI, 0, Register.RAX).jump(loop));
        guest.registers.rdi(Guest.DATA);
        guest.registers.rax(5);
        for (int round = 0; round < 50; round++) {
            guest.data(0, 0);
            Thread unmapper = new Thread(() -> {
                while (guest.data(0) != 5) {
                    Thread.onSpinWait();
                }
                guest.space.unmap(Guest.DATA, Guest.PAGE);
                guest.data(0, 6);
            });
            unmapper.start();
            fault(Guest.DATA, AccessType.WRITE, false);
            unmapper.join();
            assertEquals(6, guest.data(0));
            guest.space.map(Guest.DATA, Guest.PAGE, Guest.DATA_OFFSET, Guest.READ_WRITE, false);
        }
    }

    @Test
    void unmapOfNothingAndOfHalfSomethingWork() throws Exception {
        guest.space.unmap(HOLE, 64 * Guest.PAGE);
        guest.space.unmap(Guest.DATA - 4 * Guest.PAGE, 5 * Guest.PAGE);
        guest.program(Programs.load());
        guest.registers.rdi(Guest.DATA + Guest.PAGE);
        syscall();
        guest.registers.rip(Guest.CODE);
        guest.registers.rdi(Guest.DATA);
        fault(Guest.DATA, AccessType.READ, false);
    }

    @Test
    void protectNarrowsAndWidens() throws Exception {
        guest.program(Programs.store());
        guest.registers.rdi(Guest.DATA);
        guest.space.protect(Guest.DATA, Guest.DATA_BYTES, Guest.READ);
        Exit.Fault fault = (Exit.Fault) guest.runOn();
        assertEquals(Guest.DATA, fault.address());
        guest.space.protect(Guest.DATA, Guest.DATA_BYTES, Guest.READ_WRITE);
        syscall();
        guest.space.protect(Guest.DATA, Guest.PAGE, 0);
        guest.registers.rip(Guest.CODE);
        fault = (Exit.Fault) guest.runOn();
        assertEquals(Guest.DATA, fault.address());
    }

    @Test
    void protectOverAGapTakesRightsAway() throws Exception {
        guest.program(Programs.store());
        guest.space.unmap(Guest.DATA + Guest.PAGE, Guest.PAGE);
        guest.space.protect(Guest.DATA, 3 * Guest.PAGE, Guest.READ);
        guest.registers.rdi(Guest.DATA + 2 * Guest.PAGE);
        Exit.Fault fault = (Exit.Fault) guest.runOn();
        assertEquals(Guest.DATA + 2 * Guest.PAGE, fault.address());
    }

    @Test
    void mapReplacesWhatWasThere() throws Exception {
        guest.program(Programs.load());
        guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET, 77);
        guest.registers.rdi(Guest.DATA);
        syscall();
        assertEquals(0, guest.registers.origRax());
        guest.space.map(Guest.DATA, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        guest.registers.rip(Guest.CODE);
        syscall();
        assertEquals(77, guest.registers.origRax());
    }

    @Test
    void changesByAnotherThreadAreSeen() throws Exception {
        guest.program(Programs.load());
        guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET, 78);
        guest.registers.rdi(HOLE);
        fault(HOLE, AccessType.READ, false);
        onAnotherThread(() -> guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false));
        syscall();
        assertEquals(78, guest.registers.origRax());
    }

    @Test
    void twoSpacesAreApart() throws Exception {
        guest.program(Programs.load());
        guest.data(0, 1);
        guest.data(Guest.PAGE, 2);
        try (var other = guest.platform.newAddressSpace(guest.file)) {
            other.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
            other.map(Guest.DATA, Guest.PAGE, Guest.DATA_OFFSET + Guest.PAGE, Guest.READ, false);
            guest.registers.rdi(Guest.DATA);
            syscall();
            assertEquals(1, guest.registers.origRax());
            onAnotherThread(() -> {
                try (var mine = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    Guest.start(registers);
                    registers.rdi(Guest.DATA);
                    assertEquals(Exit.Plain.SYSCALL, Guest.runOn(mine, other, registers));
                    assertEquals(2, registers.origRax());
                }
            });
        }
    }

    @Test
    void forkStartsWithAllOrNothing() throws Exception {
        guest.program(Programs.load());
        guest.data(0, 31);
        guest.registers.rdi(Guest.DATA);
        syscall();
        try (var child = guest.space.fork(guest.context)) {
            if (!guest.platform.capabilities().contains(Capability.INHERITS_MAPPINGS)) {
                child.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
                child.map(Guest.DATA, Guest.DATA_BYTES, Guest.DATA_OFFSET, Guest.READ_WRITE, false);
            }
            guest.space.unmap(Guest.DATA, Guest.DATA_BYTES); // must not touch the child
            onAnotherThread(() -> {
                try (var context = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    Guest.start(registers);
                    registers.rdi(Guest.DATA);
                    assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, child, registers));
                    assertEquals(31, registers.origRax());
                    child.unmap(Guest.CODE, Guest.PAGE);
                    assertTrue(Guest.runOn(context, child, registers) instanceof Exit.Fault);
                }
            });
            guest.registers.rip(Guest.CODE);
            fault(Guest.DATA, AccessType.READ, false); // and the parent's code is still there
        }
    }

    @Test
    void forkWorksBeforeTheParentEverRanAndForGenerations() throws Exception {
        guest.program(Programs.syscalls());
        onAnotherThread(() -> {
            AddressSpace space = guest.space.fork(guest.context);
            for (int generation = 0; generation < 5; generation++) {
                space = nextGeneration(space);
            }
            space.close();
        });
    }

    /** Runs in a space, forks it and closes it. */
    private AddressSpace nextGeneration(AddressSpace space) throws Exception {
        if (!guest.platform.capabilities().contains(Capability.INHERITS_MAPPINGS)) {
            space.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
        }
        AddressSpace next;
        try (GuestContext context = guest.platform.newContext()) {
            Registers registers = new Registers();
            Guest.start(registers);
            assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, space, registers));
            next = space.fork(context);
        }
        space.close();
        return next;
    }

    @Test
    void codeMayChangeUnderTheGuest() throws Exception {
        guest.space.map(Guest.CODE, Guest.PAGE, 0, Guest.ALL, false);
        guest.program(new Assembler()
            .bytes(0xc7, 0x07).bytes(0xb8, 1, 0, 0) // mov dword [rdi], "mov eax, 1"'s first four bytes
            .jump(Register.RDI));
        guest.memory.asSlice(0x100, 7).copyFrom(MemorySegment.ofArray(
            new byte[] {(byte) 0xb8, 2, 0, 0, 0, 0x0f, 0x05})); // mov eax, 2; syscall
        guest.registers.rip(Guest.CODE + 0x100);
        syscall();
        assertEquals(2, guest.registers.origRax());
        guest.registers.rip(Guest.CODE);
        guest.registers.rdi(Guest.CODE + 0x100);
        syscall();
        assertEquals(1, guest.registers.origRax());
        guest.memory.set(Layouts.U8, 0x101, (byte) 3); // by the kernel's side
        guest.registers.rip(Guest.CODE + 0x100);
        syscall();
        assertEquals(3, guest.registers.origRax());
    }

    @Test
    void spacesAndContextsThatWereNeverUsedCanBeClosed() throws Exception {
        for (int i = 0; i < 20; i++) {
            guest.platform.newContext().close();
            guest.platform.newAddressSpace(guest.file).close();
        }
    }

    // ---- helpers

    private Exit.Signal signal(int number, int code) throws Exception {
        Exit exit = guest.runOn();
        if (!(exit instanceof Exit.Signal signal)) {
            throw new AssertionError("expected a signal, not " + exit);
        }
        assertEquals(number, signal.signal());
        assertEquals(code, signal.code());
        return signal;
    }
}
