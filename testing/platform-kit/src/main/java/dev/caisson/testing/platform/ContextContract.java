package dev.caisson.testing.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcessor;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The half of {@link PlatformContractTest} about contexts: registers, FPU, interrupts, threads. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 4, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SAME_THREAD)
public abstract class ContextContract {
    private static final long HOLE = 0x5000_0000L;
    private static final int XSAVE_MXCSR = 24;
    private static final int XSAVE_XMM0 = 160;
    private static final int XSAVE_RESERVED = 528;
    private static final int AVX_STATE = 4;

    private Platform platform;
    /** One for each test. */
    Guest guest;

    ContextContract() {}

    /** What a test does on a thread of its own. */
    @FunctionalInterface
    interface Body {
        void run() throws Exception;
    }

    /**
     * Makes the platform to test; it is closed after the last test.
     *
     * @return a new platform
     * @throws Exception when this host cannot run it; throw TestAbortedException to skip
     */
    protected abstract Platform newPlatform() throws Exception;

    /** {@return how many contexts {@link #thousandsOfContextsLiveAtTheSameTime} makes; less where another test of the platform makes them} */
    protected int manyContexts() {
        return 2000;
    }

    @BeforeAll
    void makePlatform() throws Exception {
        platform = newPlatform();
    }

    @AfterAll
    void closePlatform() {
        if (platform != null) {
            platform.close();
        }
    }

    @BeforeEach
    void makeGuest() throws Exception {
        guest = new Guest(platform);
    }

    @AfterEach
    void closeGuest() {
        guest.close();
    }

    // ---- registers

    @Test
    void aSystemCallTellsNumberArgumentsAndPlace() throws Exception {
        guest.program(new Assembler()
            .mov(Register.RAX, 0x123456789aL).mov(Register.RDI, 1).mov(Register.RSI, 2).mov(Register.RDX, 3)
            .mov(Register.R10, 4).mov(Register.R8, 5).mov(Register.R9, 6).syscall());
        syscall();
        assertEquals(0x123456789aL, guest.registers.origRax());
        for (int i = 0; i < 6; i++) {
            assertEquals(i + 1, guest.registers.argument(i));
        }
    }

    @Test
    void theResultOfASystemCallArrives() throws Exception {
        guest.program(new Assembler().syscall().mov(Register.RBX, Register.RAX).syscall());
        syscall();
        guest.registers.rax(-38);
        syscall();
        assertEquals(-38, guest.registers.rbx());
        assertEquals(Guest.CODE + 7, guest.registers.rip());
    }

    @Test
    void allRegistersSurviveASystemCall() throws Exception {
        guest.program(Programs.syscalls());
        fillRegisters(guest.registers);
        Registers before = new Registers();
        before.copyFrom(guest.registers);
        for (int i = 0; i < 3; i++) {
            syscall();
            assertSame(before, guest.registers);
        }
    }

    @Test
    void allRegistersSurviveAFault() throws Exception {
        guest.program(Programs.load());
        fillRegisters(guest.registers);
        guest.registers.rdi(HOLE);
        Registers before = new Registers();
        before.copyFrom(guest.registers);
        assertTrue(guest.runOn() instanceof Exit.Fault);
        assertSame(before, guest.registers);
        assertEquals(before.rax(), guest.registers.rax());
        assertEquals(before.rcx(), guest.registers.rcx());
        assertEquals(before.r11(), guest.registers.r11());
        assertEquals(before.rip(), guest.registers.rip());
    }

    @Test
    void allRegistersSurviveAnInterrupt() throws Exception {
        guest.program(Programs.spin());
        fillRegisters(guest.registers);
        Registers before = new Registers();
        before.copyFrom(guest.registers);
        Thread interrupter = interruptAfter(20);
        assertEquals(Exit.Plain.INTERRUPTED, guest.run());
        interrupter.join();
        assertSame(before, guest.registers);
        assertEquals(before.rax(), guest.registers.rax());
        assertEquals(before.rcx(), guest.registers.rcx());
        assertEquals(before.r11(), guest.registers.r11());
    }

    @Test
    void allRegistersSurviveChangesOfTheSpace() throws Exception {
        guest.program(Programs.syscalls());
        fillRegisters(guest.registers);
        Registers before = new Registers();
        before.copyFrom(guest.registers);
        syscall();
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        guest.space.unmap(HOLE, Guest.PAGE);
        guest.space.prepareContext(guest.context);
        guest.space.fork(guest.context).close();
        syscall();
        assertSame(before, guest.registers);
    }

    @Test
    void theRedZoneIsLeftAlone() throws Exception {
        guest.program(new Assembler().syscall().int3().load(Register.RAX, Register.RDI, 0).syscall());
        long top = Guest.DATA_BYTES - 256;
        for (int i = 0; i < 16; i++) {
            guest.data(top - 8 * (i + 1), 0x5a5a0000L + i);
        }
        guest.registers.rdi(HOLE);
        syscall();
        assertTrue(guest.runOn() instanceof Exit.Signal);
        assertTrue(guest.runOn() instanceof Exit.Fault);
        for (int i = 0; i < 16; i++) {
            assertEquals(0x5a5a0000L + i, guest.data(top - 8 * (i + 1)));
        }
    }

    @Test
    void flagsSurvive() throws Exception {
        // std; stc; syscall; pushfq; pop rbx; syscall
        guest.program(new Assembler().bytes(0xfd, 0xf9).syscall().bytes(0x9c, 0x5b).syscall());
        syscall();
        assertEquals(0x401, guest.registers.eflags() & 0x401);
        syscall();
        assertEquals(0x401, guest.registers.rbx() & 0x401);
        guest.registers.eflags(0x202);
        guest.registers.rip(Guest.CODE + 4);
        syscall();
        assertEquals(0, guest.registers.rbx() & 0x401);
    }

    @Test
    void segmentBasesAreSetAndSurvive() throws Exception {
        // mov rax, fs:[0]; mov rbx, gs:[0]; syscall
        guest.program(new Assembler().bytes(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0)
            .bytes(0x65, 0x48, 0x8b, 0x1c, 0x25, 0, 0, 0, 0).syscall());
        guest.data(0x100, 11);
        guest.data(0x200, 12);
        guest.registers.fsBase(Guest.DATA + 0x100);
        guest.registers.gsBase(Guest.DATA + 0x200);
        for (int i = 0; i < 2; i++) {
            guest.registers.rip(Guest.CODE);
            syscall();
            assertEquals(11, guest.registers.origRax());
            assertEquals(12, guest.registers.rbx());
            assertEquals(Guest.DATA + 0x100, guest.registers.fsBase());
            assertEquals(Guest.DATA + 0x200, guest.registers.gsBase());
        }
    }

    @Test
    void registersThatNoProgramCanHaveAreNoCrash() throws Exception {
        guest.program(Programs.syscalls());
        syscall();
        guest.registers.rip(0x8000_0000_0000_0000L);
        assertTrue(guest.runOn() instanceof Exit.Signal);
        Guest.start(guest.registers);
        guest.registers.fsBase(0xffff_8000_0000_0000L);
        assertTrue(guest.runOn() instanceof Exit.Signal);
        Guest.start(guest.registers);
        guest.registers.fsBase(0);
        guest.registers.eflags(-1L & ~0x100); // IOPL, NT, VM and all that
        Exit exit = guest.runOn();
        assertTrue(exit == Exit.Plain.SYSCALL || exit instanceof Exit.Signal);
        Guest.start(guest.registers);
        syscall();
    }

    // ---- FPU

    @Test
    void vectorRegistersSurviveASystemCall() throws Exception {
        guest.program(Programs.vectorRoundTrip());
        vectorRoundTrip(16);
    }

    @Test
    void wideVectorRegistersSurviveASystemCall() throws Exception {
        assumeTrue((HostProcessor.xsaveStates() & AVX_STATE) != 0, "no AVX");
        guest.program(Programs.wideVectorRoundTrip());
        vectorRoundTrip(32);
    }

    @Test
    void aNewContextHasTheFpuOfANewProcess() throws Exception {
        guest.program(Programs.controlWords());
        guest.registers.rdi(Guest.DATA);
        syscall();
        assertEquals(0x1f80, guest.data(0) & 0xffff_ffffL);
        assertEquals(0x37f, guest.data(8) & 0xffff);
        onAnotherThread(() -> {
            try (GuestContext fresh = guest.platform.newContext()) {
                MemorySegment image = fpuImage(fresh);
                assertEquals(0x1f80, image.get(Layouts.U32, XSAVE_MXCSR));
                fresh.restoreFpu(image);
            }
        });
    }

    @Test
    void fpuStateMovesToAnotherContextAndSpace() throws Exception {
        guest.program(Programs.vectorRoundTrip());
        guest.data(0, 0x0102030405060708L);
        guest.data(8, 0x1112131415161718L);
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        syscall();
        MemorySegment image = fpuImage(guest.context);
        assertEquals(0x0102030405060708L, image.get(Layouts.U64, XSAVE_XMM0));
        Registers registers = new Registers();
        registers.copyFrom(guest.registers);
        try (var child = guest.space.fork(guest.context)) {
            if (!guest.platform.capabilities().contains(Capability.INHERITS_MAPPINGS)) {
                child.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
                child.map(Guest.DATA, Guest.DATA_BYTES, Guest.DATA_OFFSET, Guest.READ_WRITE, false);
            }
            onAnotherThread(() -> {
                try (GuestContext other = guest.platform.newContext()) {
                    other.restoreFpu(image);
                    assertEquals(Exit.Plain.SYSCALL, Guest.runOn(other, child, registers));
                }
            });
        }
        assertEquals(0x0102030405060708L, guest.data(64));
        assertEquals(0x1112131415161718L, guest.data(72));
    }

    @Test
    void fpuStateIsReadChangedAndReset() throws Exception {
        guest.program(Programs.vectorRoundTrip());
        guest.data(0, 21);
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        syscall();
        MemorySegment image = fpuImage(guest.context);
        image.set(Layouts.U64, XSAVE_XMM0, 22);
        guest.context.restoreFpu(image);
        syscall();
        assertEquals(22, guest.data(64));
        guest.context.resetFpu();
        guest.registers.rip(Guest.CODE + 6);
        syscall();
        assertEquals(0, guest.data(64));
    }

    @Test
    void fpuImagesTheProcessorWouldNotLoadAreRefused() throws Exception {
        MemorySegment image = fpuImage(guest.context);
        image.set(Layouts.U64, XSAVE_RESERVED, 1);
        assertThrows(ErrnoException.class, () -> guest.context.restoreFpu(image));
        image.set(Layouts.U64, XSAVE_RESERVED, 0);
        image.set(Layouts.U64, 512, -1);
        assertThrows(ErrnoException.class, () -> guest.context.restoreFpu(image));
        image.set(Layouts.U64, 512, 3);
        image.set(Layouts.U32, XSAVE_MXCSR, 0xffff0000);
        assertThrows(ErrnoException.class, () -> guest.context.restoreFpu(image));
        guest.program(Programs.syscalls());
        syscall();
    }

    @Test
    void fpuStateSurvivesExec() throws Exception {
        guest.program(Programs.vectorRoundTrip());
        guest.data(0, 33);
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        syscall();
        try (var next = guest.platform.newAddressSpace(guest.file)) {
            next.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
            next.map(Guest.DATA, Guest.DATA_BYTES, Guest.DATA_OFFSET, Guest.READ_WRITE, false);
            assertEquals(Exit.Plain.SYSCALL, Guest.runOn(guest.context, next, guest.registers));
            assertEquals(33, guest.data(64));
            guest.context.close();
        }
    }

    // ---- interrupts

    @Test
    void anInterruptBeforeRunEndsIt() throws Exception {
        guest.program(Programs.spin());
        guest.context.interrupt();
        assertEquals(Exit.Plain.INTERRUPTED, guest.run());
    }

    @Test
    void noInterruptIsLost() throws Exception {
        guest.program(Programs.spin());
        int rounds = 3000;
        long enough = System.nanoTime() + TimeUnit.SECONDS.toNanos(3); // on a crowded machine, fewer rounds do
        AtomicInteger seen = new AtomicInteger();
        AtomicInteger sent = new AtomicInteger();
        AtomicBoolean isOver = new AtomicBoolean();
        Thread interrupter = new Thread(() -> {
            for (int i = 0; i < rounds && (i < 50 || System.nanoTime() < enough); i++) {
                for (int pause = 0; pause < i % 50 * 20; pause++) {
                    Thread.onSpinWait();
                }
                int before = seen.get();
                guest.context.interrupt();
                sent.incrementAndGet();
                while (seen.get() == before) {
                    Thread.onSpinWait();
                }
            }
            isOver.set(true);
            guest.context.interrupt();
        });
        interrupter.start();
        while (!isOver.get()) {
            assertEquals(Exit.Plain.INTERRUPTED, guest.run());
            seen.incrementAndGet();
        }
        interrupter.join();
        assertTrue(sent.get() >= 50);
    }

    @Test
    void noInterruptTakesTheGuestBack() throws Exception {
        // rbx += 1; [rdi] = rbx; for ever. Interrupts that come too late meet others that come just then.
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.add(Register.RBX, 1).store(Register.RDI, 0, Register.RBX).jump(loop));
        guest.registers.rdi(Guest.DATA);
        try (var _ = new Interrupter(guest.context); var _ = new Interrupter(guest.context)) {
            long enough = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(300);
            while (System.nanoTime() < enough) {
                assertEquals(Exit.Plain.INTERRUPTED, guest.run());
                assertTrue(guest.registers.rbx() >= guest.data(0), "it had counted further");
            }
        }
    }

    @Test
    void interruptsDoNotDisturbSystemCalls() throws Exception {
        guest.program(Programs.countingSyscalls());
        int number = 1000; // below it, the host may have calls that no filter can stop
        guest.registers.rax(number);
        try (var _ = new Interrupter(guest.context)) {
            for (int calls = 1; calls <= 5000; calls++) {
                syscall();
                assertEquals(calls, guest.registers.rbx());
                assertEquals(number++, guest.registers.origRax());
                guest.registers.rax(number);
            }
        }
    }

    @Test
    void interruptsDoNotDisturbChangesOfTheSpace() throws Exception {
        guest.program(Programs.load());
        try (var _ = new Interrupter(guest.context)) {
            for (int i = 0; i < 500; i++) {
                Guest.start(guest.registers);
                guest.registers.rdi(HOLE);
                assertTrue(guest.runOn() instanceof Exit.Fault);
                guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
                syscall();
                guest.space.unmap(HOLE, Guest.PAGE);
            }
        }
    }

    // ---- threads

    @Test
    void manyContextsShareOneSpace() throws Exception {
        // lock inc qword [rdi]; syscall; for ever
        Assembler code = new Assembler();
        Label loop = code.here();
        guest.program(code.bytes(0xf0, 0x48, 0xff, 0x07).syscall().jump(loop));
        int threads = 8;
        int calls = 150;
        guest.registers.rdi(Guest.DATA);
        syscall();
        List<Thread> all = new ArrayList<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < threads; i++) {
            guest.space.prepareContext(guest.context);
            Thread thread = new Thread(() -> {
                try (GuestContext context = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    Guest.start(registers);
                    registers.rdi(Guest.DATA);
                    for (int n = 0; n < calls; n++) {
                        assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, guest.space, registers));
                        if (n % 50 == 0) {
                            context.sleeping();
                            context.awake();
                        }
                    }
                } catch (Throwable t) {
                    failure.set(t);
                }
            });
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) {
            thread.join();
        }
        rethrow(failure.get());
        assertEquals(1 + threads * calls, guest.data(0));
    }

    @Test
    void thousandsOfContextsLiveAtTheSameTime() throws Exception {
        guest.program(Programs.countingSyscalls());
        int threads = manyContexts();
        CountDownLatch allRan = new CountDownLatch(threads);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(null, () -> {
                try (GuestContext context = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    Guest.start(registers);
                    assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, guest.space, registers));
                    context.sleeping();
                    allRan.countDown();
                    allRan.await();
                    context.awake();
                    assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, guest.space, registers));
                    assertEquals(2, registers.rbx());
                } catch (Throwable t) {
                    failure.set(t);
                    allRan.countDown();
                }
            }, "guest", 256 << 10);
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) {
            thread.join();
        }
        rethrow(failure.get());
    }

    @Test
    void threadsMapAndUnmapAtTheSameTime() throws Exception {
        guest.program(Programs.load());
        List<Thread> all = new ArrayList<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < 4; i++) {
            long own = HOLE + i * 0x100000L;
            long offset = Guest.SPARE_OFFSET + i * Guest.PAGE;
            guest.memory.set(Layouts.U64, offset, own);
            Thread thread = new Thread(() -> {
                try (GuestContext context = guest.platform.newContext()) {
                    Registers registers = new Registers();
                    for (int n = 0; n < 100; n++) {
                        Guest.start(registers);
                        registers.rdi(own);
                        assertTrue(Guest.runOn(context, guest.space, registers) instanceof Exit.Fault);
                        guest.space.map(own, Guest.PAGE, offset, Guest.READ, n % 2 == 0);
                        assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, guest.space, registers));
                        assertEquals(own, registers.origRax());
                        guest.space.unmap(own, Guest.PAGE);
                    }
                } catch (Throwable t) {
                    failure.set(t);
                }
            });
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) {
            thread.join();
        }
        rethrow(failure.get());
    }

    @Test
    void manyContextsOneAfterTheOtherLeaveNothingBehind() throws Exception {
        guest.program(Programs.syscalls());
        int files = openFiles();
        for (int i = 0; i < 1000; i++) {
            try (GuestContext context = guest.platform.newContext()) {
                Registers registers = new Registers();
                Guest.start(registers);
                assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, guest.space, registers));
            }
        }
        assertTrue(openFiles() <= files + 4, "descriptors leak");
    }

    @Test
    void manySpacesOneAfterTheOtherLeaveNothingBehind() throws Exception {
        guest.program(Programs.syscalls());
        int files = openFiles();
        for (int i = 0; i < 300; i++) {
            try (var space = guest.platform.newAddressSpace(guest.file); GuestContext context = guest.platform.newContext()) {
                space.map(Guest.CODE, Guest.PAGE, 0, Guest.READ_EXEC, false);
                Registers registers = new Registers();
                Guest.start(registers);
                assertEquals(Exit.Plain.SYSCALL, Guest.runOn(context, space, registers));
            }
        }
        assertTrue(openFiles() <= files + 4, "descriptors leak");
    }

    // ---- helpers

    /** Runs to the next system call. */
    final void syscall() throws Exception {
        assertEquals(Exit.Plain.SYSCALL, guest.runOn());
    }

    static void onAnotherThread(Body body) throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Throwable t) {
                failure.set(t);
            }
        });
        thread.start();
        thread.join();
        rethrow(failure.get());
    }

    private static void rethrow(Throwable failure) {
        if (failure != null) {
            throw new AssertionError("on another thread: " + failure, failure);
        }
    }

    private Thread interruptAfter(long milliseconds) {
        Thread thread = new Thread(() -> {
            try {
                Thread.sleep(milliseconds);
            } catch (InterruptedException e) {
                return;
            }
            guest.context.interrupt();
        });
        thread.start();
        return thread;
    }

    private void vectorRoundTrip(int bytes) throws Exception {
        for (int i = 0; i < bytes; i += 8) {
            guest.data(i, 0x1111111111111111L * (i / 8 + 1));
        }
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + 64);
        syscall();
        guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
        onAnotherThread(() -> guest.space.unmap(HOLE, Guest.PAGE));
        syscall();
        for (int i = 0; i < bytes; i += 8) {
            assertEquals(guest.data(i), guest.data(64 + i));
        }
    }

    private static MemorySegment fpuImage(GuestContext context) throws ErrnoException {
        MemorySegment image = Arena.ofAuto().allocate(context.fpuBytes(), 64);
        context.saveFpu(image);
        return image;
    }

    static void fillRegisters(Registers r) {
        r.rax(0x0a0a0a0a01L);
        r.rbx(0x0b0b0b0b02L);
        r.rcx(0x0c0c0c0c03L);
        r.rdx(0x0d0d0d0d04L);
        r.rsi(0x0e0e0e0e05L);
        r.rdi(0x0f0f0f0f06L);
        r.rbp(0x1a1a1a1a07L);
        r.r8(0x1b1b1b1b08L);
        r.r9(0x1c1c1c1c09L);
        r.r10(0x1d1d1d1d0aL);
        r.r11(0x1e1e1e1e0bL);
        r.r12(0x1f1f1f1f0cL);
        r.r13(0x2a2a2a2a0dL);
        r.r14(0x2b2b2b2b0eL);
        r.r15(0x2c2c2c2c0fL);
        r.fsBase(Guest.DATA);
        r.gsBase(Guest.DATA + 8);
    }

    /** All that a system call preserves. */
    static void assertSame(Registers before, Registers after) {
        assertEquals(before.rbx(), after.rbx());
        assertEquals(before.rdx(), after.rdx());
        assertEquals(before.rsi(), after.rsi());
        assertEquals(before.rdi(), after.rdi());
        assertEquals(before.rbp(), after.rbp());
        assertEquals(before.rsp(), after.rsp());
        assertEquals(before.r8(), after.r8());
        assertEquals(before.r9(), after.r9());
        assertEquals(before.r10(), after.r10());
        assertEquals(before.r12(), after.r12());
        assertEquals(before.r13(), after.r13());
        assertEquals(before.r14(), after.r14());
        assertEquals(before.r15(), after.r15());
        assertEquals(before.cs(), after.cs());
        assertEquals(before.ss(), after.ss());
        assertEquals(before.fsBase(), after.fsBase());
        assertEquals(before.gsBase(), after.gsBase());
    }

    private static int openFiles() {
        String[] names = new File("/proc/self/fd").list();
        return names == null ? 0 : names.length;
    }
}
