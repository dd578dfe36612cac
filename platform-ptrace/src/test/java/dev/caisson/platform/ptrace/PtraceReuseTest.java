package dev.caisson.platform.ptrace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostSignal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.testing.kit.Await;
import dev.caisson.testing.platform.GuestFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Stub threads and processes serve one guest after the other, who do not notice. */
@Timeout(300)
class PtraceReuseTest {
    private static final long CODE = 0x10000;

    private PtracePlatform platform;
    private PtraceAddressSpace space;
    private PtraceContext context;
    private GuestFile file;

    @BeforeEach
    void start() throws Exception {
        file = new GuestFile(1 << 20);
        platform = new PtracePlatform();
        space = newSpace();
        context = (PtraceContext) platform.newContext();
    }

    @AfterEach
    void stop() {
        context.close();
        space.close();
        platform.close();
        file.close();
    }

    @Test
    void aResetContextKeepsItsThread() throws Exception {
        run(new Assembler().syscall(), new Registers());
        List<Path> before = threads();

        assertTrue(context.reset());
        run(new Assembler().syscall(), new Registers());

        assertEquals(before, threads());
    }

    @Test
    void noRegisterOfTheOldTaskIsLeft() throws Exception {
        Registers old = new Registers();
        for (long at = 0; at < 15 * 8; at += 8) {
            old.segment().set(java.lang.foreign.ValueLayout.JAVA_LONG, at, 0x1111_0000L + at);
        }
        old.fsBase(0x5000);
        old.gsBase(0x6000);
        old.eflags(0x202 | 0x400); // direction
        run(new Assembler().syscall(), old);
        context.reset();

        Registers next = new Registers();
        run(new Assembler().syscall(), next);

        assertEquals(0, next.r15() | next.r12() | next.rbp() | next.rbx() | next.rdi() | next.rsi() | next.rdx() | next.r8());
        assertEquals(0, next.fsBase() | next.gsBase());
        assertEquals(0, next.eflags() & 0x400);
    }

    @Test
    void noFpuStateOfTheOldTaskIsLeft() throws Exception {
        Registers old = new Registers();
        old.rax(0x1234_5678_9abcL);
        run(new Assembler().bytes(0x66, 0x48, 0x0f, 0x6e, 0xc0).syscall(), old); // movq xmm0, rax
        context.reset();
        try (Arena arena = Arena.ofConfined(); GuestContext fresh = platform.newContext()) {
            MemorySegment image = arena.allocate(context.fpuBytes(), 64);
            MemorySegment wanted = arena.allocate(context.fpuBytes(), 64);
            context.saveFpu(image);
            fresh.saveFpu(wanted);
            assertEquals(-1, image.mismatch(wanted));
        }

        Registers next = new Registers();
        next.rdi(1);
        run(new Assembler().bytes(0x66, 0x48, 0x0f, 0x7e, 0xc7).syscall(), next); // movq rdi, xmm0

        assertEquals(0, next.rdi());
    }

    @Test
    void anInterruptOfTheOldTaskDoesNotReachTheNext() throws Exception {
        run(new Assembler().syscall(), new Registers());
        context.interrupt();
        for (Path thread : threads()) { // one that came too late
            HostSignal.kill(stub(), Integer.parseInt(thread.getFileName().toString()), StubThread.KICK);
        }
        context.reset();

        run(new Assembler().syscall(), new Registers());
    }

    @Test
    void aTaskThatComesBackToASpaceFindsItsThread() throws Exception {
        try (PtraceAddressSpace other = newSpace()) {
            run(new Assembler().syscall(), new Registers());
            List<Path> before = threads();
            for (int i = 0; i < 10; i++) {
                runIn(other, new Assembler().syscall(), new Registers());
                run(new Assembler().syscall(), new Registers());
            }
            assertEquals(before, threads());
        }
    }

    @Test
    void aContextKeepsFewThreads() throws Exception {
        PtraceAddressSpace[] spaces = new PtraceAddressSpace[8];
        for (int i = 0; i < spaces.length; i++) {
            spaces[i] = newSpace();
            runIn(spaces[i], new Assembler().syscall(), new Registers());
        }
        int kept = 0;
        for (PtraceAddressSpace each : spaces) {
            kept += context.keepsThreadIn(each.process()) ? 1 : 0;
        }
        assertEquals(5, kept); // the present one and four more
        for (PtraceAddressSpace each : spaces) {
            each.close();
        }
    }

    @Test
    void aProcessUsedAgainHasNothingOfTheOldGuest() throws Exception {
        run(new Assembler().syscall(), new Registers());
        int process = stub();
        context.reset();
        space.close();
        space = (PtraceAddressSpace) platform.newAddressSpace(file.descriptor());
        assertEquals(process, stub());

        List<String> maps = Files.readAllLines(Path.of("/proc/" + process + "/maps"));
        maps.removeIf(line -> line.contains("[vsyscall]"));
        assertEquals(2, maps.size(), maps.toString());
        Registers registers = new Registers();
        registers.rip(CODE);
        Exit.Fault fault = (Exit.Fault) context.run(space, registers);
        assertEquals(CODE, fault.address());
    }

    @Test
    void changesThatNoGuestSawAreForgottenWithTheSpace() throws Exception {
        int process = stub();
        space.map(0x200000, 4096, 4096, 3, false);
        space.close();
        space = newSpace();
        assertEquals(process, stub());

        Registers registers = new Registers();
        registers.rdi(0x200000);
        file.write(0, new Assembler().load(Register.RAX, Register.RDI, 0));
        registers.rip(CODE);
        assertTrue(context.run(space, registers) instanceof Exit.Fault);
    }

    @Test
    void aKilledProcessIsBuriedByTheContextThatKeptAThreadOfIt() throws Exception {
        run(new Assembler().syscall(), new Registers());
        int process = stub();
        context.reset();
        HostSignal.kill(process, Signals.SIGKILL);
        space.process().markDead();
        space.close();
        context.reset();

        Await.until(() -> !Files.exists(Path.of("/proc/" + process)), "a zombie remains");
        space = newSpace();
        assertNotEquals(process, stub());
        run(new Assembler().syscall(), new Registers());
    }

    private PtraceAddressSpace newSpace() throws ErrnoException {
        PtraceAddressSpace fresh = (PtraceAddressSpace) platform.newAddressSpace(file.descriptor());
        fresh.map(CODE, 4096, 0, 5, false);
        return fresh;
    }

    private void run(Assembler code, Registers registers) throws ErrnoException {
        runIn(space, code, registers);
    }

    private void runIn(PtraceAddressSpace where, Assembler code, Registers registers) throws ErrnoException {
        file.write(0, code);
        registers.rip(CODE);
        assertEquals(Exit.Plain.SYSCALL, context.run(where, registers));
    }

    private int stub() {
        return space.process().processId();
    }

    private List<Path> threads() throws Exception {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + stub() + "/task"))) {
            return tasks.sorted().toList();
        }
    }
}
