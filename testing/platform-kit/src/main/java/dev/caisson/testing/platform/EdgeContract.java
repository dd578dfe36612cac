package dev.caisson.testing.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcessor;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** The part of {@link PlatformContractTest} about rare events, many of everything, and guests that try what they may not. */
abstract class EdgeContract extends FaultContract {
    private static final int SIGILL = 4;
    private static final int SIGTRAP = 5;
    private static final int SIGFPE = 8;
    private static final int SIGSEGV = 11;
    private static final int FPE_FLTDIV = 3;
    private static final long HOLE = 0x6000_0000L;
    private static final long GIB = 1L << 30;
    private static final int AVX_STATE = 4;

    EdgeContract() {}

    // ---- state across events

    @Test
    void generalRegistersSurviveEveryException() throws Exception {
        List<Assembler> causes = List.of(
            new Assembler().int3(), new Assembler().bytes(0x0f, 0x0b), new Assembler().bytes(0xf4),
            new Assembler().bytes(0x48, 0xf7, 0xf1)); // int3, ud2, hlt, div rcx
        for (Assembler cause : causes) {
            guest.program(cause);
            Guest.start(guest.registers);
            Registers r = guest.registers;
            r.rbx(0x1111);
            r.rcx(0);
            r.rdx(0x2222);
            r.rsi(0x3333);
            r.rdi(0x4444);
            r.rbp(0x5555);
            r.rax(0x6666);
            r.r8(0x88);
            r.r11(0x1b1b);
            r.r15(0xffff_0000_ffffL);
            assertTrue(guest.runOn() instanceof Exit.Signal);
            assertEquals(0x1111, r.rbx());
            assertEquals(0, r.rcx());
            assertEquals(0x2222, r.rdx());
            assertEquals(0x3333, r.rsi());
            assertEquals(0x4444, r.rdi());
            assertEquals(0x5555, r.rbp());
            assertEquals(0x6666, r.rax());
            assertEquals(0x88, r.r8());
            assertEquals(0x1b1b, r.r11());
            assertEquals(0xffff_0000_ffffL, r.r15());
            assertEquals(Guest.DATA + Guest.DATA_BYTES - 256, r.rsp());
            assertEquals(-1, r.origRax());
        }
    }

    @Test
    void wideVectorRegistersSurviveFaultsAndExceptions() throws Exception {
        assumeTrue((HostProcessor.xsaveStates() & AVX_STATE) != 0, "no AVX");
        // vmovdqu ymm15, [rdi]; mov rax, [rbx]; int3; vmovdqu [rsi], ymm15; syscall
        guest.program(new Assembler().bytes(0xc5, 0x7e, 0x6f, 0x3f).load(Register.RAX, Register.RBX, 0).int3()
            .bytes(0xc5, 0x7e, 0x7f, 0x3e).syscall());
        for (int i = 0; i < 32; i += 8) {
            guest.data(i, 0x0123_4567_89ab_0000L + i);
        }
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        guest.registers.rbx(HOLE);
        assertTrue(guest.runOn() instanceof Exit.Fault);
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        assertTrue(guest.runOn() instanceof Exit.Signal);
        syscall();
        for (int i = 0; i < 32; i += 8) {
            assertEquals(guest.data(i), guest.data(64 + i));
        }
    }

    @Test
    void vectorRegistersSurviveManyCallsInARow() throws Exception {
        // movdqu xmm3, [rdi]; loop: syscall; dec rbx; jnz loop; movdqu [rsi], xmm3; syscall
        Assembler code = new Assembler().bytes(0xf3, 0x0f, 0x6f, 0x1f);
        Label loop = code.here();
        code.syscall().sub(Register.RBX, 1).jump(Condition.NOT_EQUAL, loop);
        guest.program(code.bytes(0xf3, 0x0f, 0x7f, 0x1e).syscall());
        guest.data(0, 0x1234_5678_9abc_def0L);
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        guest.registers.rbx(300);
        for (int i = 0; i < 300; i++) {
            syscall();
            if (i % 100 == 50) {
                guest.context.saveFpu(Arena.ofAuto().allocate(guest.context.fpuBytes(), 64));
            }
        }
        syscall();
        assertEquals(0x1234_5678_9abc_def0L, guest.data(64));
    }

    // ---- exceptions

    @Test
    void privilegedInstructionsAreSigsegv() throws Exception {
        int[][] instructions = {
            {0xf4}, {0xfa}, {0xfb}, {0xe4, 0x60}, {0xe6, 0x60}, {0x0f, 0x32}, {0x0f, 0x30}, {0x0f, 0x20, 0xd8}, {0x0f, 0x22, 0xd8},
            {0x0f, 0x06}, {0x0f, 0x09}, {0x0f, 0x01, 0x3f}, {0x0f, 0x01, 0xf8}, {0x0f, 0x23, 0xc0}};
        // hlt cli sti in out rdmsr wrmsr mov-from-cr3 mov-to-cr3 clts wbinvd invlpg swapgs mov-to-dr0
        for (int[] instruction : instructions) {
            guest.program(new Assembler().bytes(instruction));
            Guest.start(guest.registers);
            guest.registers.rdi(Guest.DATA);
            Exit.Signal signal = (Exit.Signal) guest.runOn();
            assertEquals(SIGSEGV, signal.signal(), () -> Integer.toHexString(instruction[0]) + " " + signal);
            assertEquals(Guest.CODE, guest.registers.rip());
        }
    }

    @Test
    void aDivisionByZeroOfTheVectorUnitIsSigfpe() throws Exception {
        // ldmxcsr [rdi]; xorps xmm0, xmm0; movups xmm1, [rdi+16]; divps xmm1, xmm0
        guest.program(new Assembler().bytes(0x0f, 0xae, 0x17, 0x0f, 0x57, 0xc0, 0x0f, 0x10, 0x4f, 0x10, 0x0f, 0x5e, 0xc8).syscall());
        guest.data(0, 0x1d80); // division by zero is not masked
        guest.data(16, 0x3f80_0000_3f80_0000L);
        guest.data(24, 0x3f80_0000_3f80_0000L);
        guest.registers.rdi(Guest.DATA);
        Exit exit = guest.runOn();
        assumeTrue(exit != Exit.Plain.SYSCALL, "a processor that raises no exceptions of the vector unit (QEMU's)");
        Exit.Signal signal = (Exit.Signal) exit;
        assertEquals(SIGFPE, signal.signal());
        assertEquals(FPE_FLTDIV, signal.code());
        assertEquals(Guest.CODE + 10, guest.registers.rip());
        assertEquals(Guest.CODE + 10, signal.address());
    }

    @Test
    void steppingGoesOverASystemCall() throws Exception {
        guest.program(new Assembler().bytes(0x90).syscall().bytes(0x90, 0x90));
        guest.registers.eflags(0x302);
        assertEquals(SIGTRAP, ((Exit.Signal) guest.runOn()).signal());
        syscall();
        assertEquals(Guest.CODE + 3, guest.registers.rip());
        assertEquals(0x100, guest.registers.eflags() & 0x100);
        assertEquals(SIGTRAP, ((Exit.Signal) guest.runOn()).signal());
        assertTrue(guest.registers.rip() <= Guest.CODE + 4);
    }

    @Test
    void undefinedInstructionsInARowOfCallsAreTold() throws Exception {
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.syscall().bytes(0x0f, 0x0b).jump(loop));
        for (int i = 0; i < 100; i++) {
            syscall();
            assertEquals(SIGILL, ((Exit.Signal) guest.runOn()).signal());
            guest.registers.rip(guest.registers.rip() + 2);
        }
    }

    // ---- what lies beyond

    @Test
    void addressesOfTheKernelAreFaultsWithoutAMapping() throws Exception {
        guest.program(Programs.load());
        for (long address : new long[] {0xffff_8000_0000_0000L, 0xffff_ffff_ff60_0000L, 0xffff_ffff_ffff_f000L}) {
            Guest.start(guest.registers);
            guest.registers.rdi(address);
            Exit exit = guest.runOn();
            if (exit instanceof Exit.Fault fault) {
                assertEquals(address, fault.address());
                assertFalse(fault.isMapped());
            } else {
                assertEquals(SIGSEGV, ((Exit.Signal) exit).signal());
            }
        }
    }

    @Test
    void aCallOfTheVsyscallPageIsAFetchFaultThere() throws Exception {
        guest.program(new Assembler().jump(Register.RDI));
        guest.registers.rdi(0xffff_ffff_ff60_0400L);
        Exit.Fault fault = (Exit.Fault) guest.runOn();
        assertEquals(0xffff_ffff_ff60_0400L, fault.address());
        assertEquals(AccessType.EXECUTE, fault.access());
        assertEquals(0xffff_ffff_ff60_0400L, guest.registers.rip());
    }

    @Test
    void anAccessAcrossTwoPagesFaultsOnTheSecond() throws Exception {
        guest.program(Programs.store());
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
        guest.registers.rdi(HOLE + Guest.PAGE - 4);
        guest.registers.rax(-1);
        Exit.Fault fault = (Exit.Fault) guest.runOn();
        assertEquals(HOLE + Guest.PAGE, fault.address());
        assertEquals(0, guest.memory.get(Layouts.U32, Guest.SPARE_OFFSET + Guest.PAGE - 4));
        guest.space.map(HOLE + Guest.PAGE, Guest.PAGE, Guest.SPARE_OFFSET + Guest.PAGE, Guest.READ_WRITE, false);
        syscall();
        assertEquals(-1, guest.memory.get(Layouts.U32, Guest.SPARE_OFFSET + Guest.PAGE));
    }

    // ---- many of everything

    @Test
    void thousandsOfMappings() throws Exception {
        guest.program(Programs.load());
        int count = 10_000;
        long file = Guest.SPARE_OFFSET;
        for (int i = 0; i < 16; i++) {
            guest.memory.set(Layouts.U64, file + i * Guest.PAGE, 1000 + i);
        }
        for (int i = 0; i < count; i++) { // neighbours that nobody can merge
            guest.space.map(HOLE + i * Guest.PAGE, Guest.PAGE, file + i * 7 % 16 * Guest.PAGE, Guest.READ, false);
        }
        for (int i = 0; i < count; i += 397) {
            guest.registers.rip(Guest.CODE);
            guest.registers.rdi(HOLE + i * Guest.PAGE);
            syscall();
            assertEquals(1000 + i * 7 % 16, guest.registers.origRax());
        }
        guest.space.unmap(HOLE, count * Guest.PAGE);
        guest.registers.rip(Guest.CODE);
        assertTrue(guest.runOn() instanceof Exit.Fault);
    }

    @Test
    void spacesThatFollowEachOtherSeeNothingOfTheirPredecessors() throws Exception {
        guest.program(Programs.load());
        int pages = 20;
        for (int i = 0; i < pages; i++) {
            guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET + i * Guest.PAGE, i);
        }
        for (int generation = 0; generation < 250; generation++) {
            try (AddressSpace space = guest.platform.newAddressSpace(guest.file)) {
                space.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
                for (int i = 0; i < pages; i++) {
                    long offset = Guest.SPARE_OFFSET + (i + generation) % pages * Guest.PAGE;
                    space.map(HOLE + i * GIB, Guest.PAGE, offset, Guest.READ, false);
                }
                int probe = generation % pages;
                assertEquals((probe + generation) % pages, load(space, HOLE + probe * GIB));
                guest.registers.rip(Guest.CODE);
                guest.registers.rdi(HOLE + probe * GIB + Guest.PAGE);
                assertTrue(Guest.runOn(guest.context, space, guest.registers) instanceof Exit.Fault);
            }
        }
        syscallIn(guest.space, Guest.DATA);
    }

    private long load(AddressSpace space, long address) throws Exception {
        syscallIn(space, address);
        return guest.registers.origRax();
    }

    private void syscallIn(AddressSpace space, long address) throws Exception {
        guest.registers.rip(Guest.CODE);
        guest.registers.rdi(address);
        assertEquals(Exit.Plain.SYSCALL, Guest.runOn(guest.context, space, guest.registers));
    }

    @Test
    void moreBusyThreadsThanProcessorsAllMakeProgress() throws Exception {
        // for ever: inc qword [rdi]
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.bytes(0x48, 0xff, 0x07).jump(loop));
        int threads = 4 * Runtime.getRuntime().availableProcessors() + 3;
        List<Thread> all = new ArrayList<>();
        List<GuestContext> contexts = new ArrayList<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        guest.registers.rdi(Guest.DATA + 4096);
        Thread first = new Thread(() -> guest.context.interrupt());
        first.start();
        assertEquals(Exit.Plain.INTERRUPTED, guest.run());
        first.join();
        for (int i = 0; i < threads; i++) {
            guest.space.prepareContext(guest.context);
            GuestContext context = guest.platform.newContext();
            contexts.add(context);
            Registers registers = new Registers();
            Guest.start(registers);
            registers.rdi(Guest.DATA + i * 64L);
            Thread thread = new Thread(() -> {
                try (context) {
                    assertEquals(Exit.Plain.INTERRUPTED, context.run(guest.space, registers));
                } catch (Throwable t) {
                    failure.set(t);
                }
            });
            all.add(thread);
            thread.start();
        }
        for (int i = 0; i < threads; i++) {
            while (guest.data(i * 64L) == 0 && failure.get() == null) {
                Thread.onSpinWait();
            }
        }
        contexts.forEach(GuestContext::interrupt);
        for (Thread thread : all) {
            thread.join();
        }
        assertEquals(null, failure.get());
    }

    @Test
    void rightsThatComeAndGoUnderAWriterAreKept() throws Exception {
        // for ever: inc qword [rdi]
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.bytes(0x48, 0xff, 0x07).jump(loop));
        guest.registers.rdi(Guest.DATA);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread changer = new Thread(() -> {
            try {
                for (int round = 0; round < 300; round++) {
                    guest.space.protect(Guest.DATA, Guest.PAGE, Guest.READ);
                    long before = guest.data(0);
                    for (int i = 0; i < 200; i++) {
                        Thread.onSpinWait();
                    }
                    assertEquals(before, guest.data(0), "a store after the right to it was gone");
                    guest.space.protect(Guest.DATA, Guest.PAGE, Guest.READ_WRITE);
                }
            } catch (Throwable t) {
                failure.set(t);
            }
            guest.context.interrupt();
        });
        changer.start();
        while (guest.context.run(guest.space, guest.registers) instanceof Exit.Fault fault) {
            assertEquals(Guest.DATA, fault.address());
        }
        changer.join();
        assertEquals(null, failure.get());
    }
}
