package dev.caisson.testing.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Layouts;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * The part of {@link PlatformContractTest} about every way an instruction can fail, and about code that changes. What is expected is what
 * Linux does, as {@code guest-tests/programs/exceptions.c} sees it natively.
 */
abstract class FaultContract extends StateContract {
    private static final int SIGILL = 4;
    private static final int SIGTRAP = 5;
    private static final int SIGBUS = 7;
    private static final int SIGFPE = 8;
    private static final int SIGSEGV = 11;
    private static final int SI_KERNEL = 0x80;
    private static final int ILL_ILLOPN = 2;
    private static final int FPE_INTDIV = 1;
    private static final int TRAP_TRACE = 2;
    private static final long NO_ADDRESS = 0x8000_0000_0000_0000L;
    private static final long HOLE = 0x7800_0000L;
    /** QEMU's processors raise #GP where others raise #SS for a stack at an address that is none. */
    private static final boolean EMULATED = Boolean.getBoolean("caisson.emulatedProcessor");

    FaultContract() {}

    /**
     * An instruction that the processor refuses.
     *
     * @param name for messages
     * @param signal what becomes of it
     * @param code its si_code
     * @param at offset of rip from the start
     * @param bytes the code
     */
    private record Refused(String name, int signal, int code, int at, int... bytes) {}

    private static final List<Refused> REFUSED = List.of(
        new Refused("int3", SIGTRAP, SI_KERNEL, 1, 0xcc),
        new Refused("int 3", SIGTRAP, SI_KERNEL, 2, 0xcd, 3),
        new Refused("int 0x0d", SIGSEGV, SI_KERNEL, 0, 0xcd, 0x0d),
        new Refused("int 0x0e", SIGSEGV, SI_KERNEL, 0, 0xcd, 0x0e),
        new Refused("int 0x20", SIGSEGV, SI_KERNEL, 0, 0xcd, 0x20),
        new Refused("int 0xff", SIGSEGV, SI_KERNEL, 0, 0xcd, 0xff),
        new Refused("ud1", SIGILL, ILL_ILLOPN, 0, 0x0f, 0xb9, 0xc0),
        new Refused("lock nop", SIGILL, ILL_ILLOPN, 0, 0xf0, 0x90),
        new Refused("insb", SIGSEGV, SI_KERNEL, 0, 0x6c),
        new Refused("mov to cr0", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x22, 0xc0),
        new Refused("mov from dr7", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x21, 0xf8),
        new Refused("invd", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x08),
        new Refused("lgdt", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x01, 0x17),
        new Refused("lidt", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x01, 0x1f),
        new Refused("lldt", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x00, 0xd0),
        new Refused("ltr", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x00, 0xd8),
        new Refused("sysret", SIGSEGV, SI_KERNEL, 0, 0x48, 0x0f, 0x07),
        new Refused("xsetbv", SIGSEGV, SI_KERNEL, 2, 0x31, 0xc9, 0x0f, 0x01, 0xd1),
        new Refused("mov to ds", SIGSEGV, SI_KERNEL, 5, 0xb8, 0xf0, 0xff, 0, 0, 0x8e, 0xd8),
        new Refused("mov to ss", SIGSEGV, SI_KERNEL, 5, 0xb8, 0xf0, 0xff, 0, 0, 0x8e, 0xd0),
        new Refused("iretq", SIGSEGV, SI_KERNEL, 7, 0x31, 0xc0, 0x50, 0x50, 0x50, 0x50, 0x50, 0x48, 0xcf),
        new Refused("too long", SIGSEGV, SI_KERNEL, 0, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
            0x66, 0x90),
        new Refused("quotient too large", SIGFPE, FPE_INTDIV, 10, 0xb9, 1, 0, 0, 0, 0xba, 1, 0, 0, 0, 0x48, 0xf7, 0xf1),
        new Refused("movaps unaligned", SIGSEGV, SI_KERNEL, 0, 0x0f, 0x29, 0x47, 0x01),
        new Refused("load from no address", SIGSEGV, SI_KERNEL, 10, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x8b, 0x00),
        new Refused("push to no address", EMULATED ? SIGSEGV : SIGBUS, SI_KERNEL, 10, 0x48, 0xbc, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x50));

    @Test
    void whatTheProcessorRefusesIsToldAsLinuxTellsIt() throws Exception {
        for (Refused refused : REFUSED) {
            guest.program(new Assembler().bytes(refused.bytes).syscall());
            Guest.start(guest.registers);
            guest.registers.rdi(Guest.DATA);
            guest.registers.rbx(77);
            Exit exit = guest.runOn();
            assertTrue(exit instanceof Exit.Signal, () -> refused.name + ": " + exit);
            Exit.Signal signal = (Exit.Signal) exit;
            assertEquals(refused.signal, signal.signal(), refused.name);
            assertEquals(refused.code, signal.code(), refused.name);
            assertEquals(Guest.CODE + refused.at, guest.registers.rip(), refused.name);
            assertEquals(77, guest.registers.rbx(), refused.name);
        }
        guest.program(Programs.syscalls());
        Guest.start(guest.registers);
        syscall();
    }

    @Test
    void aJumpToNoAddressIsAnException() throws Exception {
        guest.program(new Assembler().jump(Register.RDI));
        guest.registers.rdi(NO_ADDRESS);
        assertEquals(SIGSEGV, ((Exit.Signal) guest.runOn()).signal());
    }

    @Test
    void theOtherFastGateIsNoSystemCall() throws Exception {
        guest.program(new Assembler().mov(Register.RAX, 20).mov(Register.RBP, Register.RSP).bytes(0x0f, 0x34)); // sysenter
        Exit exit = guest.runOn();
        assertFalse(exit == Exit.Plain.SYSCALL);
    }

    @Test
    void anUnmaskedExceptionOfTheX87IsSigfpe() throws Exception {
        // fninit; fldcw [rdi]; fld1; fldz; fdivp; fwait
        guest.program(new Assembler().bytes(0xdb, 0xe3, 0xd9, 0x2f, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b).syscall());
        guest.data(0, 0x037b);
        guest.registers.rdi(Guest.DATA);
        Exit.Signal signal = (Exit.Signal) guest.runOn();
        assertEquals(SIGFPE, signal.signal());
        assertEquals(3 /* FPE_FLTDIV */, signal.code());
        assertEquals(Guest.CODE + 10, guest.registers.rip());
    }

    @Test
    void aGuestThatSetsTheTrapFlagItselfIsStepped() throws Exception {
        // pushfq; or qword [rsp], 0x100; popfq; nop; nop; syscall
        guest.program(new Assembler().bytes(0x9c, 0x48, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0x90).syscall());
        for (int step = 1; step <= 2; step++) {
            Exit.Signal signal = (Exit.Signal) guest.runOn();
            assertEquals(SIGTRAP, signal.signal());
            assertEquals(TRAP_TRACE, signal.code());
            assertEquals(Guest.CODE + 10 + step, guest.registers.rip());
        }
        guest.registers.eflags(0x202);
        syscall();
    }

    @Test
    void everyKindOfAccessFaultsAndGoesOn() throws Exception {
        Object[][] rows = { // code, access; rdi points to the end of a page, behind which there is nothing
            {new int[] {0x48, 0x8b, 0x07}, AccessType.READ, "load"},
            {new int[] {0x48, 0x89, 0x07}, AccessType.WRITE, "store"},
            {new int[] {0xf0, 0x48, 0xff, 0x07}, AccessType.WRITE, "lock inc"},
            {new int[] {0x48, 0x87, 0x07}, AccessType.WRITE, "xchg"},
            {new int[] {0x48, 0x8b, 0x47, 0xfc}, AccessType.READ, "load across"},
            {new int[] {0x48, 0x89, 0x47, 0xfc}, AccessType.WRITE, "store across"},
            {new int[] {0x0f, 0x11, 0x47, 0xf8}, AccessType.WRITE, "movups across"},
            {new int[] {0x48, 0x8d, 0x67, 0x08, 0x50}, AccessType.WRITE, "push"},
            {new int[] {0x48, 0x8d, 0x67, 0x08, 0xe8, 0, 0, 0, 0}, AccessType.WRITE, "call"},
            {new int[] {0x48, 0x89, 0xfc, 0x58}, AccessType.READ, "pop"},
            {new int[] {0x48, 0x83, 0xef, 0x10, 0xb9, 0x20, 0, 0, 0, 0xf3, 0xaa}, AccessType.WRITE, "rep stosb"},
            {new int[] {0x0f, 0x18, 0x07, 0x48, 0x89, 0x07}, AccessType.WRITE, "prefetch, store"}};
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
        for (Object[] row : rows) {
            guest.program(new Assembler().bytes((int[]) row[0]).syscall());
            Guest.start(guest.registers);
            guest.registers.rdi(HOLE + Guest.PAGE);
            fault(HOLE + Guest.PAGE, (AccessType) row[1], false);
            guest.space.map(HOLE + Guest.PAGE, Guest.PAGE, Guest.SPARE_OFFSET + Guest.PAGE, Guest.READ_WRITE, false);
            syscall();
            guest.space.unmap(HOLE + Guest.PAGE, Guest.PAGE);
        }
    }

    @Test
    void aStringInstructionGoesOnWhereItFaulted() throws Exception {
        guest.program(new Assembler().bytes(0xf3, 0xaa).syscall()); // rep stosb
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
        guest.registers.rdi(HOLE + Guest.PAGE - 100);
        guest.registers.rcx(3 * Guest.PAGE);
        guest.registers.rax(0x5a);
        for (int page = 1; page <= 3; page++) {
            fault(HOLE + page * Guest.PAGE, AccessType.WRITE, false);
            assertEquals(Guest.CODE, guest.registers.rip());
            assertEquals(HOLE + page * Guest.PAGE, guest.registers.rdi());
            assertEquals(3 * Guest.PAGE - 100 - (page - 1) * Guest.PAGE, guest.registers.rcx());
            guest.space.map(HOLE + page * Guest.PAGE, Guest.PAGE, Guest.SPARE_OFFSET + page * Guest.PAGE, Guest.READ_WRITE, false);
        }
        syscall();
        assertEquals(HOLE + 4 * Guest.PAGE - 100, guest.registers.rdi());
        assertEquals(0x5a, guest.memory.get(Layouts.U8, Guest.SPARE_OFFSET + 4 * Guest.PAGE - 101));
        assertEquals(0, guest.memory.get(Layouts.U8, Guest.SPARE_OFFSET + 4 * Guest.PAGE - 100));
    }

    @Test
    void anInstructionAcrossTwoPagesIsFetchedFromBoth() throws Exception {
        long end = Guest.CODE + 4 * Guest.PAGE;
        byte[] code = {0x0f, 0x05}; // syscall
        guest.memory.set(Layouts.U8, 4 * Guest.PAGE - 1, code[0]);
        guest.memory.set(Layouts.U8, Guest.SPARE_OFFSET, code[1]);
        guest.registers.rip(end - 1);
        fault(end, AccessType.EXECUTE, false);
        assertEquals(end - 1, guest.registers.rip());
        guest.space.map(end, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_EXEC, false);
        syscall();
        assertEquals(end + 1, guest.registers.rip());
    }

    @Test
    void pagesWithoutRightsFaultOnEveryAccess() throws Exception {
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
        guest.space.protect(HOLE, Guest.PAGE, 0);
        for (Assembler program : List.of(Programs.load(), Programs.store(), new Assembler().jump(Register.RDI))) {
            guest.program(program);
            Guest.start(guest.registers);
            guest.registers.rdi(HOLE + 8);
            assertEquals(HOLE + 8, ((Exit.Fault) guest.runOn()).address());
        }
    }

    @Test
    void anAccessAcrossTheEndOfAllAddressesIsNoCrash() throws Exception {
        guest.program(Programs.load());
        long limit = guest.platform.addressLimit();
        guest.space.map(limit - Guest.PAGE, Guest.PAGE, Guest.DATA_OFFSET, Guest.READ, false);
        guest.registers.rdi(limit - 4);
        Exit exit = guest.runOn();
        if (exit instanceof Exit.Fault fault) {
            assertEquals(limit, fault.address());
        } else {
            assertEquals(SIGSEGV, ((Exit.Signal) exit).signal());
        }
        Guest.start(guest.registers);
        guest.registers.rdi(limit - 8);
        syscall();
    }

    // ---- code that changes

    @Test
    void codeThatWritesCodeRunsIt() throws Exception {
        // ebx counts: mov [rdi+1], ebx, which is the number in "mov eax, ebx's value; ret" at rdi; call rdi; compare; again
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.ALL, false);
        guest.memory.asSlice(Guest.SPARE_OFFSET, 6).copyFrom(MemorySegment.ofArray(new byte[] {(byte) 0xb8, 0, 0, 0, 0, (byte) 0xc3}));
        Assembler code = new Assembler();
        Label loop = code.here();
        Label wrong = new Label();
        code.bytes(0x89, 0x5f, 0x01, 0xff, 0xd7, 0x39, 0xd8).jump(Condition.NOT_EQUAL, wrong)
            .add(Register.RBX, 1).sub(Register.RCX, 1).jump(Condition.NOT_EQUAL, loop).syscall();
        guest.program(code.bind(wrong).bytes(0x0f, 0x0b));
        guest.registers.rdi(HOLE);
        guest.registers.rcx(5000);
        guest.registers.rbx(3);
        syscall();
        assertEquals(5003, guest.registers.rbx());
    }

    @Test
    void codeWrittenThroughAnotherMappingRuns() throws Exception {
        // mov [rdi], rax at a writable mapping; a system call; jump to the executable one, which is "mov eax, N; syscall"
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
        guest.space.map(HOLE + 16 * Guest.PAGE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_EXEC, false);
        guest.program(new Assembler().store(Register.RDI, 0, Register.RAX).syscall().jump(Register.RSI));
        for (int n = 1000; n < 1100; n++) {
            Guest.start(guest.registers);
            guest.registers.rdi(HOLE);
            guest.registers.rsi(HOLE + 16 * Guest.PAGE);
            guest.registers.rax(0x0005_0f00_0000_00b8L | (long) n << 8);
            syscall();
            syscall();
            assertEquals(n, guest.registers.origRax() & 0xffff_ffffL);
            assertEquals(HOLE + 16 * Guest.PAGE + 7, guest.registers.rip());
        }
    }

    @Test
    void codeThatIsReplacedUnderARunningThreadStopsThere() throws Exception {
        guest.memory.asSlice(Guest.SPARE_OFFSET, 2).copyFrom(MemorySegment.ofArray(new byte[] {(byte) 0xeb, (byte) 0xfe})); // jmp to itself
        guest.memory.asSlice(Guest.SPARE_OFFSET + Guest.PAGE, 2).copyFrom(MemorySegment.ofArray(new byte[] {0x0f, 0x05})); // syscall
        Assembler code = new Assembler().store(Register.RDI, 0, Register.RAX).jump(Register.RSI);
        guest.program(code);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int round = 1; round <= 30; round++) {
            guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_EXEC, false);
            Guest.start(guest.registers);
            guest.registers.rdi(Guest.DATA);
            guest.registers.rax(round);
            guest.registers.rsi(HOLE);
            int mark = round;
            Thread changer = new Thread(() -> {
                while (guest.data(0) != mark) {
                    Thread.onSpinWait();
                }
                try {
                    if (mark % 2 == 0) {
                        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET + Guest.PAGE, Guest.READ_EXEC, false);
                    } else {
                        guest.space.protect(HOLE, Guest.PAGE, Guest.READ);
                    }
                } catch (Throwable t) {
                    failure.set(t);
                    guest.context.interrupt();
                }
            });
            changer.start();
            Exit exit = guest.runOn();
            changer.join();
            assertEquals(null, failure.get());
            if (round % 2 == 0) {
                assertEquals(Exit.Plain.SYSCALL, exit);
                assertEquals(HOLE + 2, guest.registers.rip());
            } else {
                assertEquals(AccessType.EXECUTE, ((Exit.Fault) exit).access());
                assertEquals(HOLE, ((Exit.Fault) exit).address());
            }
        }
    }

    // ---- many threads, one page

    @Test
    void threadsThatFaultOnOnePageAtTheSameTimeAllGoOn() throws Exception {
        guest.program(Programs.load());
        int threads = 6;
        int rounds = 60;
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> all = new ArrayList<>();
        guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET, 4711);
        for (int i = 0; i < threads; i++) {
            boolean isUnmapper = i == 0;
            all.add(new Thread(() -> {
                try (GuestContext context = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    for (int round = 0; round < rounds; round++) {
                        Guest.start(registers);
                        registers.rdi(HOLE);
                        Exit exit = Guest.runOn(context, guest.space, registers);
                        while (exit instanceof Exit.Fault fault) {
                            assertEquals(HOLE, fault.address());
                            guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
                            exit = Guest.runOn(context, guest.space, registers);
                        }
                        assertEquals(Exit.Plain.SYSCALL, exit);
                        assertEquals(4711, registers.origRax());
                        if (isUnmapper) {
                            guest.space.unmap(HOLE, Guest.PAGE);
                        }
                    }
                } catch (Throwable t) {
                    failure.set(t);
                }
            }));
        }
        all.forEach(Thread::start);
        for (Thread thread : all) {
            thread.join();
        }
        assertEquals(null, failure.get());
    }

    /** Runs to a fault and checks what is told of it. */
    final void fault(long address, AccessType access, boolean mapped) throws Exception {
        Exit exit = guest.runOn();
        if (!(exit instanceof Exit.Fault fault)) {
            throw new AssertionError("expected a fault, not " + exit);
        }
        assertEquals(address, fault.address());
        assertEquals(mapped, fault.isMapped());
        if (guest.platform.capabilities().contains(Capability.EXACT_ACCESS_TYPE) || fault.access() != AccessType.UNKNOWN) {
            assertEquals(access, fault.access());
        }
    }
}
