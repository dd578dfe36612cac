package dev.caisson.platform.systrap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.StubCode;
import dev.caisson.testing.kit.Await;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Guests that turn against their stub. Whatever they do, another guest process goes on, and they can be ended. */
@Timeout(600)
class HostileGuestTest {
    private static final long CODE = 0x10000;
    private static final long SEED = 20250101;
    private static final int FUTEX = 202;
    private static final int LAST_CALL = 470;

    private final Random random = new Random(SEED);
    private int file;
    private MemorySegment memory;
    private SystrapPlatform platform;
    private Process witness;

    /** A guest process with one thread, for as long as it lives. */
    private final class Process implements AutoCloseable {
        final SystrapAddressSpace space;
        final SystrapContext context = (SystrapContext) platform.newContext();
        final Registers registers = new Registers();

        Process() throws ErrnoException {
            space = (SystrapAddressSpace) platform.newAddressSpace(file);
            space.map(CODE, 4096, 0, 7, false);
            registers.rip(CODE);
        }

        /** Runs for a moment at most, or, where there is no processor for it in that time, not at all. */
        Exit run() throws ErrnoException {
            Thread limit = new Thread(() -> {
                try {
                    Thread.sleep(3);
                } catch (InterruptedException e) {
                    return;
                }
                context.interrupt();
            });
            limit.start();
            try {
                return context.run(space, registers);
            } finally {
                limit.interrupt();
                try {
                    limit.join();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        }

        /** Runs until something but an interrupt happens, one that came too late for {@link #run} included. */
        Exit runOn() throws ErrnoException {
            Exit exit = context.run(space, registers);
            while (exit == Exit.Plain.INTERRUPTED) {
                exit = context.run(space, registers);
            }
            return exit;
        }

        @Override
        public void close() {
            context.close();
            space.close();
        }
    }

    @BeforeEach
    void start() throws Exception {
        file = (int) HostMemory.createFile("hostile", 1);
        HostMemory.resize(file, 1 << 20);
        memory = HostMemory.mapFile(file, 0, 1 << 20, true);
        platform = new SystrapPlatform(2_000_000, true);
        program(0, new Assembler().syscall());
        witness = new Process();
        assertWitnessLives();
    }

    @AfterEach
    void stop() throws Exception {
        try {
            assertWitnessLives();
        } finally {
            witness.close();
            platform.close();
            HostMemory.unmap(memory.address(), memory.byteSize());
            HostFile.close(file);
        }
    }

    @Test
    void anyCallFromStubCodeIsTrapped() throws Exception {
        byte[] image;
        try (Process process = new Process()) {
            assertEquals(Exit.Plain.SYSCALL, process.runOn());
            image = process.space.process().code().image();
            List<Integer> places = new ArrayList<>();
            for (int i = 0; i < image.length - 1; i++) {
                if (image[i] == 0x0f && image[i + 1] == 0x05) {
                    places.add(i);
                }
            }
            assertTrue(places.size() > 10);
            for (int number = 0; number < LAST_CALL; number++) {
                if (number == FUTEX || number == 336) { // uprobe(2) is the host's own; it refuses
                    continue;
                }
                process.registers.rip(StubCode.CODE + places.get(number % places.size()));
                process.registers.rax(number);
                Exit exit = process.runOn();
                assertEquals(Exit.Plain.SYSCALL, exit, "call " + number);
                assertEquals(number, process.registers.origRax());
            }
        }
    }

    @Test
    void noOtherFutexOperationIsAllowed() throws Exception {
        try (Process process = new Process()) {
            assertEquals(Exit.Plain.SYSCALL, process.runOn());
            int place = placeOfSyscall(process.space.process().code().image());
            for (int operation = 2; operation < 300; operation++) {
                process.registers.rip(StubCode.CODE + place);
                process.registers.rax(FUTEX);
                process.registers.rsi(operation);
                assertEquals(Exit.Plain.SYSCALL, process.runOn());
            }
        }
    }

    @Test
    void aFutexCallOfTheGuestsOwnIsTrapped() throws Exception {
        try (Process process = new Process()) {
            process.registers.rax(FUTEX);
            process.registers.rsi(1);
            assertEquals(Exit.Plain.SYSCALL, process.runOn());
            assertEquals(FUTEX, process.registers.origRax());
        }
    }

    @Test
    void jumpsIntoTheStubHarmNobodyElse() throws Exception {
        for (int i = 0; i < 250; i++) {
            try (Process process = new Process()) {
                process.run();
                Registers r = process.registers;
                for (int word = 0; word < 15; word++) {
                    r.segment().set(Layouts.U64, 8L * word, someValue());
                }
                r.rsp(someValue());
                r.rip(StubCode.CODE + random.nextInt(StubCode.CODE_BYTES));
                for (int step = 0; step < 4; step++) {
                    process.run();
                }
            } catch (ErrnoException e) {
                assertEquals(Errno.ESRCH, e.errno());
            }
        }
    }

    @Test
    void scribblingOverItsSlotHarmsNobodyElse() throws Exception {
        // rax goes to [rdi], then a call, for ever
        Assembler code = new Assembler();
        Label loop = code.here();
        program(0x100, code.store(Register.RDI, 0, Register.RAX).syscall().jump(loop));
        for (int i = 0; i < 400; i++) {
            try (Process process = new Process()) {
                process.registers.rip(CODE + 0x100);
                for (int step = 0; step < 3; step++) {
                    process.registers.rdi(SlotGeometry.SLOTS + geometry().slotBytes() + someSlotOffset());
                    process.registers.rax(someValue());
                    process.run();
                }
            } catch (ErrnoException e) {
                assertEquals(Errno.ESRCH, e.errno());
            }
        }
    }

    @Test
    void anotherThreadThatScribblesOverTheSlotHarmsNobodyElse() throws Exception {
        // [rdi + 8 * n] = rax++, n below rcx, for ever
        Assembler code = new Assembler();
        Label again = code.here();
        code.mov(Register.RDX, Register.RDI);
        Label loop = code.here();
        code.store(Register.RDX, 0, Register.RAX).add(Register.RAX, 0x1234567).add(Register.RDX, 8)
            .cmp(Register.RDX, Register.RCX).jump(Condition.BELOW, loop).jump(again);
        program(0x200, code);
        for (int i = 0; i < 10; i++) {
            try (Process process = new Process()) {
                assertEquals(Exit.Plain.SYSCALL, process.runOn());
                AtomicReference<Throwable> failure = new AtomicReference<>();
                SystrapContext second = (SystrapContext) platform.newContext();
                Thread other = new Thread(() -> {
                    Registers r = new Registers();
                    r.rip(CODE + 0x200);
                    r.rdi(SlotGeometry.SLOTS + geometry().slotBytes());
                    r.rcx(SlotGeometry.SLOTS + geometry().slotBytes() + 4096);
                    r.rax(1);
                    try (second) {
                        second.run(process.space, r);
                    } catch (ErrnoException e) {
                        return; // its process was ended
                    } catch (Throwable t) {
                        failure.set(t);
                    }
                });
                other.start();
                try {
                    for (int step = 0; step < 20; step++) {
                        process.run();
                    }
                } catch (ErrnoException e) {
                    assertEquals(Errno.ESRCH, e.errno());
                }
                second.interrupt();
                other.join();
                assertEquals(null, failure.get());
            }
        }
    }

    @Test
    void stubPagesCannotBeWritten() throws Exception {
        program(0x300, new Assembler().store(Register.RDI, 0, Register.RAX).syscall());
        try (Process process = new Process()) {
            for (long address : new long[] {StubCode.CODE, StubCode.CODE + 4096, StubCode.CONTROL, StubCode.CONTROL + 8}) {
                process.registers.rip(CODE + 0x300);
                process.registers.rdi(address);
                assertTrue(process.runOn() instanceof Exit.Fault);
            }
        }
    }

    @Test
    void theVsyscallPageIsNoWayOut() throws Exception {
        program(0x400, new Assembler().mov(Register.RAX, 0xffff_ffff_ff60_0000L).bytes(0xff, 0xd0).syscall()); // call rax
        try (Process process = new Process()) {
            process.registers.rip(CODE + 0x400);
            process.registers.rsp(CODE + 0x1000);
            Exit exit = process.runOn();
            boolean emulated = exit == Exit.Plain.SYSCALL && process.registers.origRax() == 96; // gettimeofday
            assertTrue(emulated || exit instanceof Exit.Fault || exit instanceof Exit.Signal, exit.toString());
        }
    }

    @Test
    void aGuestThreadHasTwoFiltersAndNothingToOpen() throws Exception {
        try (Process process = new Process()) {
            assertEquals(Exit.Plain.SYSCALL, process.runOn());
            int thread = process.context.threadId();
            String status = Files.readString(Path.of("/proc/" + process.space.process().processId() + "/task/" + thread + "/status"));
            assertTrue(status.contains("NoNewPrivs:\t1"), status);
            assertTrue(status.contains("Seccomp:\t2"), status);
            assertTrue(!status.contains("Seccomp_filters:") || status.contains("Seccomp_filters:\t2"), status);
        }
    }

    @Test
    void changesOfTheSpaceTakeEffectThoughTheGuestPretendsToHaveStopped() throws Exception {
        // One thread gives the kernel the turn of another one that goes on running.
        program(0x500, new Assembler().store(Register.RDI, 0, Register.RAX).syscall());
        Assembler spin = new Assembler();
        Label loop = spin.here();
        program(0x600, spin.add(Register.RAX, 1).store(Register.RDI, 0, Register.RAX).jump(loop));
        try (Process process = new Process()) {
            process.space.map(0x20_0000, 4096, 0x2000, 3, false);
            AtomicReference<Exit> told = new AtomicReference<>();
            SystrapContext second = (SystrapContext) platform.newContext();
            assertEquals(Exit.Plain.SYSCALL, process.runOn()); // takes the first slot, the other thread the second
            Registers r = new Registers();
            r.rip(CODE + 0x600);
            r.rdi(0x20_0000);
            Thread other = new Thread(() -> {
                try (second) {
                    told.set(second.run(process.space, r));
                } catch (ErrnoException e) {
                    told.set(null);
                }
            });
            other.start();
            Await.until(() -> memory.get(Layouts.U64, 0x2000) != 0, "the other thread does not run");
            process.registers.rip(CODE + 0x500);
            process.registers.rdi(SlotGeometry.SLOTS + 2 * geometry().slotBytes() + SlotLayout.STATE);
            process.registers.rax(1);
            assertEquals(Exit.Plain.SYSCALL, process.runOn());
            second.interrupt();
            other.join();
            process.space.unmap(0x20_0000, 4096);
            String maps = Files.readString(Path.of("/proc/" + process.space.process().processId() + "/maps"));
            assertTrue(!maps.contains("00200000-"), maps);
        }
    }

    private static SlotGeometry geometry() {
        return new SlotGeometry(new FpuFormat().bytes());
    }

    private static int placeOfSyscall(byte[] image) {
        for (int i = 0; i < image.length - 1; i++) {
            if (image[i] == 0x0f && image[i + 1] == 0x05) {
                return i;
            }
        }
        throw new AssertionError("no call in the stub");
    }

    private void assertWitnessLives() throws ErrnoException {
        witness.registers.rip(CODE);
        witness.registers.rax(39);
        Exit exit = witness.runOn();
        assertEquals(Exit.Plain.SYSCALL, exit);
        assertEquals(39, witness.registers.origRax());
    }

    private long someSlotOffset() {
        return random.nextInt(3) == 0 ? 4L * random.nextInt(32) : 8L * random.nextInt(1024);
    }

    private long someValue() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt(8);
            case 1 -> random.nextLong();
            case 2 -> SlotGeometry.SLOTS + random.nextInt(32768);
            case 3 -> StubCode.CODE + random.nextInt(StubCode.CODE_BYTES);
            case 4 -> CODE + random.nextInt(4096);
            default -> -1;
        };
    }

    private void program(int at, Assembler code) {
        byte[] bytes = code.toBytes();
        memory.asSlice(at, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }
}
