package dev.caisson.platform.ptrace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProcess;
import dev.caisson.testing.kit.Await;
import dev.caisson.testing.platform.ChildJvm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What stub processes are to the host: poor, mute and mortal. */
@Timeout(300)
class StubProcessTest {
    private static final long CODE = 0x10000;
    /** Where programs count: in the page of their code. */
    private static final int COUNT = 2048;

    private PtracePlatform platform;
    private PtraceAddressSpace space;
    private PtraceContext context;
    private final Registers registers = new Registers();
    private MemorySegment memory;

    @BeforeEach
    void start() throws Exception {
        int file = (int) HostMemory.createFile("stub-test", 1);
        HostMemory.resize(file, 1 << 20);
        memory = HostMemory.mapFile(file, 0, 1 << 20, true);
        platform = new PtracePlatform();
        space = (PtraceAddressSpace) platform.newAddressSpace(file);
        context = (PtraceContext) platform.newContext();
        space.map(CODE, 4096, 0, 7, false);
        Assembler code = new Assembler();
        Label loop = code.here();
        program(code.syscall().jump(loop));
        registers.rip(CODE);
    }

    @AfterEach
    void stop() {
        context.close();
        space.close();
        platform.close();
    }

    @Test
    void anInterruptBehindAnotherStopFindsTheRegistersOfNow() throws Exception {
        run();
        Assembler code = new Assembler();
        Label loop = code.here();
        program(code.add(Register.RBX, 1).store(Register.RDI, 0, Register.RBX).jump(loop));
        registers.rip(CODE);
        registers.rdi(CODE + COUNT);
        int process = stub();
        AtomicInteger seen = new AtomicInteger();
        int rounds = 200;
        Thread interrupter = new Thread(() -> {
            for (int i = 0; i < rounds; i++) {
                HostSignal.kill(process, process, Signals.SIGSTOP);
                context.interrupt();
                while (seen.get() == i) {
                    Thread.yield();
                }
            }
        });
        interrupter.start();
        for (int i = 0; i < rounds; i++) {
            assertEquals(Exit.Plain.INTERRUPTED, context.run(space, registers));
            assertTrue(registers.rbx() >= memory.get(ValueLayout.JAVA_LONG, COUNT), "it had counted further");
            seen.incrementAndGet();
        }
        interrupter.join();
    }

    @Test
    void thePageOfADeadStubIsLeftAlone() throws Exception {
        run();
        StubProcess process = space.process();
        HostSignal.kill(process.processId(), Signals.SIGKILL);
        process.markDead();
        process.page().fill((byte) 0x5a); // its next owner's
        assertEquals(-Errno.ESRCH.number(), process.order(StubCode.PLAIN, SyscallNumber.GETPPID, 0, 0, 0, 0, 0, 0));
        assertEquals(-Errno.ESRCH.number(), process.orderAll(new long[][] {{SyscallNumber.GETPPID}}));
        assertThrows(ErrnoException.class, () -> process.newThread(0));
        assertEquals(-1, process.page().mismatch(MemorySegment.ofArray(filled((byte) 0x5a, (int) process.page().byteSize()))));
    }

    private static byte[] filled(byte value, int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, value);
        return bytes;
    }

    @Test
    void aStubHasNothingButGuestMemoryAndTwoPages() throws Exception {
        run();
        List<String> maps = Files.readAllLines(Path.of("/proc/" + stub() + "/maps"));
        maps.removeIf(line -> line.contains("[vsyscall]"));
        assertEquals(3, maps.size(), maps.toString());
        assertTrue(maps.get(1).contains(" r-xs ") && maps.get(2).contains(" r--s "), maps.toString());
    }

    @Test
    void aStubHasNoDescriptorsButItsOwn() throws Exception {
        run();
        try (Stream<Path> files = Files.list(Path.of("/proc/" + stub() + "/fd"))) {
            assertEquals(3, files.count());
        }
    }

    @Test
    void aStubHasASeccompFilterAndNoNewPrivileges() throws Exception {
        run();
        String status = Files.readString(Path.of("/proc/" + stub() + "/status"));
        assertTrue(status.contains("Seccomp:\t2"), status);
        assertTrue(status.contains("NoNewPrivs:\t1"), status);
    }

    @Test
    void stubCodeMakesNoCallForAGuest() throws Exception {
        run();
        registers.rip(platform.profile().injectAddress());
        registers.rax(231); // exit_group
        assertEquals(Exit.Plain.SYSCALL, context.run(space, registers));
        assertEquals(231, registers.origRax());
        registers.rip(CODE);
        run();
    }

    @Test
    void aGuestCannotWriteToStubPages() throws Exception {
        run();
        program(new Assembler().store(Register.RDI, 0, Register.RAX));
        for (long page : new long[] {StubCode.CODE, StubCode.CONTROL, StubCode.CONTROL + 8}) {
            registers.rip(CODE);
            registers.rdi(page);
            assertTrue(context.run(space, registers) instanceof Exit.Fault);
        }
    }

    @Test
    void rangesAboveTheLimitAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> space.map(StubCode.CODE, 4096, 0, 7, false));
        assertThrows(IllegalArgumentException.class, () -> space.unmap(platform.addressLimit() - 4096, 8192));
        assertThrows(IllegalArgumentException.class, () -> space.protect(-4096, 4096, 1));
    }

    @Test
    void signalsFromTheHostAreIgnored() throws Exception {
        run();
        for (int signal : new int[] {Signals.SIGTERM, Signals.SIGSEGV, Signals.SIGTRAP, Signals.SIGUSR1, Signals.SIGINT}) {
            assertEquals(0, HostSignal.kill(stub(), signal));
            run();
            space.map(0x100000, 4096, 4096, 3, false);
        }
    }

    @Test
    void aStoppedStubGoesOn() throws Exception {
        run();
        assertEquals(0, HostSignal.kill(stub(), Signals.SIGSTOP));
        for (int i = 0; i < 10; i++) {
            run();
        }
        Thread other = new Thread(() -> space.unmap(0x100000, 4096));
        other.start();
        other.join();
        run();
    }

    @Test
    void aKilledStubEndsRunWithAnError() throws Exception {
        run();
        assertEquals(0, HostSignal.kill(stub(), Signals.SIGKILL));
        ErrnoException lost = assertThrows(ErrnoException.class, () -> context.run(space, registers));
        assertEquals(Errno.ESRCH, lost.errno());
        assertThrows(ErrnoException.class, () -> space.map(0x100000, 4096, 4096, 3, false));
        space.unmap(0x100000, 4096);
    }

    @Test
    void aStubKilledWhileTheGuestRunsEndsRun() throws Exception {
        run();
        program(spin());
        registers.rip(CODE);
        Thread killer = new Thread(() -> {
            while (!isRunning(stub())) {
                Thread.yield();
            }
            HostSignal.kill(stub(), Signals.SIGKILL);
        });
        killer.start();
        assertThrows(ErrnoException.class, () -> context.run(space, registers));
        killer.join();
    }

    @Test
    void closedSpacesAreGoneButForAFewAndLeaveNoZombie() throws Exception {
        run();
        List<Integer> stubs = new ArrayList<>();
        List<PtraceAddressSpace> children = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            children.add((PtraceAddressSpace) space.fork(context));
            stubs.add(children.getLast().process().processId());
        }
        children.forEach(PtraceAddressSpace::close);
        Await.until(() -> stubs.stream().filter(id -> Files.exists(Path.of("/proc/" + id))).count() <= 4, "stubs remain");
        assertTrue(stubs.stream().filter(id -> Files.exists(Path.of("/proc/" + id))).allMatch(id -> isStub(id)));
    }

    @Test
    void noStubSurvivesTheJvm() throws Exception {
        for (int round = 0; round < 3; round++) {
            try (ChildJvm victim = new ChildJvm(Victim.class, PtracePlatform.class, StubCode.class)) {
                List<ProcessHandle> stubs = victim.children();
                assertTrue(stubs.size() >= Victim.STUBS, () -> stubs.size() + " stub processes");
                assertEquals(List.of(), victim.killAndAwait(stubs));
            }
        }
    }

    private static boolean isStub(long process) {
        try {
            return Files.readString(Path.of("/proc/" + process + "/stat")).matches("(?s).*\\) [^ZX] .*")
                && Files.readString(Path.of("/proc/" + process + "/comm")).startsWith("caisson");
        } catch (IOException e) {
            return false;
        }
    }

    /** A JVM with stubs in all states: seized, parked, and made an instant ago. */
    static final class Victim {
        static final int STUBS = 12;

        private Victim() {}

        public static void main(String[] arguments) throws Exception {
            int file = (int) HostMemory.createFile("victim", 1);
            HostMemory.resize(file, 1 << 20);
            MemorySegment memory = HostMemory.mapFile(file, 0, 1 << 20, true);
            memory.copyFrom(MemorySegment.ofArray(spin().toBytes()));
            PtracePlatform platform = new PtracePlatform();
            PtraceAddressSpace first = null;
            for (int i = 0; i < STUBS - 1; i++) {
                var space = (PtraceAddressSpace) platform.newAddressSpace(file);
                space.map(CODE, 4096, 0, 7, false);
                first = space;
                if (i % 2 == 0) {
                    Thread guest = new Thread(() -> {
                        Registers registers = new Registers();
                        registers.rip(CODE);
                        try {
                            platform.newContext().run(space, registers);
                        } catch (ErrnoException e) {
                            System.err.println("victim: " + e);
                        }
                    });
                    guest.setDaemon(true);
                    guest.start();
                }
            }
            first.fork(platform.newContext());
            System.out.println(ChildJvm.READY);
            new CountDownLatch(1).await();
        }
    }

    /** Whether a thread of a process runs now: state R, which one that its tracer has stopped is not in. */
    private static boolean isRunning(int process) {
        try (Stream<Path> threads = Files.list(Path.of("/proc/" + process + "/task"))) {
            for (Path thread : threads.toList()) {
                String stat = Files.readString(thread.resolve("stat"));
                if (stat.startsWith(" R ", stat.lastIndexOf(')') + 1)) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int stub() {
        return space.process().processId();
    }

    private void run() throws ErrnoException {
        assertEquals(Exit.Plain.SYSCALL, context.run(space, registers));
        assertFalse(HostProcess.processId() == stub());
    }

    private void program(Assembler code) {
        byte[] bytes = code.toBytes();
        memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }

    private static Assembler spin() {
        Assembler code = new Assembler();
        Label loop = code.here();
        return code.jump(loop);
    }
}
