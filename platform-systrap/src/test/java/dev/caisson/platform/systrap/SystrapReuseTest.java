package dev.caisson.platform.systrap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostSignal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.StubCode;
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

/** Stub threads and processes serve one guest after the other, who do not notice, whatever the one before tried. */
@Timeout(600)
class SystrapReuseTest {
    private static final long CODE = 0x10000;
    private static final long DATA = 0x20000;
    private static final int DATA_OFFSET = 0x1000;

    private final SlotGeometry geometry = new SlotGeometry(new FpuFormat().bytes());
    private SystrapPlatform platform;
    private SystrapAddressSpace space;
    private SystrapContext context;
    private GuestFile file;

    @BeforeEach
    void start() throws Exception {
        file = new GuestFile(1 << 20);
        platform = new SystrapPlatform(2_000_000, true);
        space = newSpace();
        context = (SystrapContext) platform.newContext();
    }

    @AfterEach
    void stop() {
        context.close();
        space.close();
        platform.close();
        file.close();
    }

    @Test
    void theNextTaskOfAContextHasTheSameThread() throws Exception {
        run(new Assembler().syscall(), new Registers());
        List<Path> before = threads();

        assertTrue(context.reset());
        run(new Assembler().syscall(), new Registers());

        assertEquals(before, threads());
    }

    @Test
    void noRegisterOfTheOldTaskIsLeft() throws Exception {
        run(new Assembler().syscall(), full());
        context.reset();

        assertNothingIsLeft();
    }

    @Test
    void anInterruptOfTheOldTaskDoesNotReachTheNext() throws Exception {
        run(new Assembler().syscall(), new Registers());
        context.interrupt();
        HostSignal.kill(stub(), context.threadId(), StubWords.KICK); // one that came too late
        context.reset();

        run(new Assembler().syscall(), new Registers());
    }

    @Test
    void aProcessUsedAgainHasNothingOfTheOldGuest() throws Exception {
        // mov ds, eax; movq xmm0, rax; syscall
        Registers old = full();
        old.rax(0x2b);
        run(new Assembler().bytes(0x8e, 0xd8, 0x66, 0x48, 0x0f, 0x6e, 0xc0).syscall(), old);
        HostSignal.kill(stub(), context.threadId(), StubWords.KICK);
        context.reset();
        int process = stub();
        renew();
        assertEquals(process, stub());

        List<String> maps = Files.readAllLines(Path.of("/proc/" + process + "/maps"));
        maps.removeIf(line -> Long.compareUnsigned(Long.parseUnsignedLong(line, 0, line.indexOf('-'), 16), StubCode.ADDRESS_LIMIT) >= 0);
        assertEquals(List.of(), maps);
        assertNothingIsLeft();
        Registers next = new Registers();
        run(new Assembler().mov(Register.RAX, 0).bytes(0x8c, 0xd8, 0x66, 0x48, 0x0f, 0x7e, 0xc7).syscall(), next); // mov eax, ds; movq rdi, xmm0
        assertEquals(0, next.origRax());
        assertEquals(0, next.rdi());
    }

    @Test
    void theSlotsOfTheOldGuestAreWiped() throws Exception {
        run(new Assembler().bytes(0x0f, 0x0b).syscall(), full()); // ud2: leaves a frame with all registers
        context.reset();
        renew();

        Slot slot = space.takeSlot();
        MemorySegment wanted = Arena.ofAuto().allocate(geometry.slotBytes(), 8);
        wanted.set(Layouts.U32, SlotLayout.STATE, Turn.KERNEL);
        wanted.set(Layouts.U64, StubWords.STACK_STRUCTURE, slot.address() + geometry.stack());
        wanted.set(Layouts.U64, StubWords.STACK_STRUCTURE + 16L, geometry.stackBytes());
        assertEquals(-1, wanted.mismatch(slot.memory()));
        space.giveBack(slot, 0);
    }

    @Test
    void aThreadThatPretendedToHaveStoppedIsTakenFromTheOldGuest() throws Exception {
        hide();
        long count = counter();
        Await.until(() -> counter() != count, "the guest should have kept a thread");
        context.reset();
        int process = stub();
        renew();

        assertEquals(process, stub());
        assertStandsStill();
        assertNothingIsLeft();
    }

    @Test
    void aThreadThatTheOldGuestSentIntoTheStubIsTakenFromIt() throws Exception {
        for (int round = 0; round < 40; round++) {
            // One thread waits in the stub's code for another one's turn, or wherever it comes to.
            Registers hidden = full();
            hidden.rbx(geometry.address(2));
            hidden.rbp(StubCode.CONTROL);
            int at = 0x80 + 37 * round;
            hidden.rsi(StubCode.CODE + at);
            runHidden(new Assembler().jump(Register.RSI), hidden);
            context.reset();
            int before = stub();
            renew();
            try (SystrapContext second = (SystrapContext) platform.newContext()) {
                file.write(0, new Assembler().mov(Register.RAX, 1).syscall());
                Registers one = new Registers();
                Registers two = new Registers();
                one.rip(CODE);
                two.rip(CODE);
                one.r15(1);
                two.r15(2);
                for (int i = 0; i < 3; i++) {
                    one.rip(CODE);
                    two.rip(CODE);
                    assertEquals(Exit.Plain.SYSCALL, context.run(space, one));
                    assertEquals(Exit.Plain.SYSCALL, second.run(space, two));
                    assertEquals(1, one.r15(), "process " + before);
                    assertEquals(2, two.r15());
                }
            }
        }
    }

    @Test
    void aGuestThatShowsWhatItCannotKnowGetsItsProcessEnded() throws Exception {
        run(new Assembler().syscall(), new Registers());
        Slot slot = space.takeSlot();
        space.giveBack(slot, 0);
        context.reset();
        int process = stub();
        space.close();
        slot.memory().set(Layouts.U64, StubWords.TOKEN, 0x1234);
        Await.until(() -> { // the thread itself shows the right one sooner or later; spoil that, too
            slot.memory().set(Layouts.U64, StubWords.TOKEN, 0x1234);
            return !Files.readString(Path.of("/proc/" + process + "/task/" + slot.threadId() + "/stat")).contains(") R ");
        }, "the thread goes on");
        slot.memory().set(Layouts.U64, StubWords.TOKEN, 0x1234);

        space = newSpace();
        assertNotEquals(process, stub());
        run(new Assembler().syscall(), new Registers());
    }

    @Test
    void aContextThatComesLateLeavesTheNewGuestAlone() throws Exception {
        run(new Assembler().syscall(), full());
        int process = stub();
        renew(); // as after execve: the context still has a slot of the old guest
        assertEquals(process, stub());
        try (SystrapContext second = (SystrapContext) platform.newContext()) {
            file.write(0, new Assembler().syscall());
            Registers two = new Registers();
            two.rip(CODE);
            assertEquals(Exit.Plain.SYSCALL, second.run(space, two));
            context.interrupt();
            context.reset();
            two.rip(CODE);
            assertEquals(Exit.Plain.SYSCALL, second.run(space, two));
            assertNothingIsLeft();
        }
    }

    @Test
    void changesThatNoGuestSawAreForgottenWithTheSpace() throws Exception {
        run(new Assembler().syscall(), new Registers());
        context.reset();
        int process = stub();
        renew();
        space.map(0x200000, 4096, 4096, 3, false);
        space.mapLater(0x300000, 4096, 4096, 3);
        renew();
        assertEquals(process, stub());

        for (long address : new long[] {0x200000, 0x300000}) {
            Registers registers = new Registers();
            registers.rdi(address);
            file.write(0, new Assembler().load(Register.RAX, Register.RDI, 0));
            registers.rip(CODE);
            assertTrue(context.run(space, registers) instanceof Exit.Fault);
        }
    }

    @Test
    void aMappingThatMayComeLaterIsThereWhenTheGuestRuns() throws Exception {
        file.write(0, new Assembler().load(Register.RBX, Register.RDI, 0).mov(Register.RAX, 1).syscall());
        for (int i = 0; i < 100; i++) {
            file.memory().set(Layouts.U64, DATA_OFFSET + 4096L * (i % 2), i);
            space.mapLater(0x200000, 4096, DATA_OFFSET + 4096L * (i % 2), 3);
            Registers registers = new Registers();
            registers.rdi(0x200000);
            registers.rip(CODE);
            assertEquals(Exit.Plain.SYSCALL, context.run(space, registers));
            assertEquals(i, registers.rbx());
        }
        space.mapLater(0x400000, 4096, 0, 3);
        space.unmap(0x400000, 4096);
        Registers registers = new Registers();
        registers.rdi(0x400000);
        registers.rip(CODE);
        assertTrue(context.run(space, registers) instanceof Exit.Fault);
    }

    @Test
    void processesWithManyThreadsAreEnded() throws Exception {
        run(new Assembler().syscall(), new Registers());
        Slot[] slots = new Slot[SlotGeometry.CHUNK_SLOTS];
        for (int i = 0; i < slots.length; i++) {
            slots[i] = space.takeSlot();
        }
        for (Slot slot : slots) {
            space.giveBack(slot, 0);
        }
        context.reset();
        int process = stub();
        space.close();
        space = newSpace();
        assertNotEquals(process, stub());
    }

    @Test
    void aKilledProcessIsNotUsedAgain() throws Exception {
        run(new Assembler().syscall(), new Registers());
        int process = stub();
        context.reset();
        HostSignal.kill(process, Signals.SIGKILL);
        space.process().markDead();
        renew();

        assertNotEquals(process, stub());
        run(new Assembler().syscall(), new Registers());
        Await.until(() -> !Files.exists(Path.of("/proc/" + process)), "a zombie remains");
    }

    /** Lets a guest thread go on while we believe that it has made a call: it counts in its memory. */
    private void hide() throws ErrnoException {
        Assembler code = new Assembler();
        code.mov(Register.RDI, DATA);
        Label loop = code.here();
        code.load(Register.RAX, Register.RDI, 0).add(Register.RAX, 1).store(Register.RDI, 0, Register.RAX).jump(loop);
        assertEquals(Exit.Plain.SYSCALL, runHidden(code, new Registers()));
    }

    /** Whatever the thread does in the end, it first makes us believe in a call. */
    private Exit runHidden(Assembler then, Registers registers) throws ErrnoException {
        Assembler code = new Assembler();
        code.mov(Register.RDI, geometry.address(1) + SlotLayout.STATE);
        code.mov(Register.RAX, Turn.KERNEL | (long) SlotLayout.KIND_DIRECT_CALL << 32); // state and kind are neighbours
        code.store(Register.RDI, 0, Register.RAX);
        code.mov(Register.RCX, 1 << 18);
        Label wait = code.here(); // the kernel may be just about to look
        code.sub(Register.RCX, 1).test(Register.RCX, Register.RCX).jump(Condition.NOT_EQUAL, wait);
        file.write(file.write(0, code), then);
        registers.rip(CODE);
        return context.run(space, registers);
    }

    private long counter() {
        return file.memory().get(Layouts.U64, DATA_OFFSET);
    }

    /** Gives a thread that counts some time to be caught. */
    private void assertStandsStill() {
        long before = counter();
        long start = System.nanoTime();
        while (System.nanoTime() - start < 300_000_000L) {
            assertEquals(before, counter(), "the thread runs on");
            Thread.onSpinWait();
        }
    }

    /** Ends the guest, and starts one in the process that it leaves. */
    private void renew() throws Exception {
        ProcessSlots slots = (ProcessSlots) space.process().attachment();
        boolean alive = !space.process().isDead();
        space.close();
        Await.until(() -> !alive || slots.isWithdrawn(), "a thread does not let go");
        space = newSpace();
    }

    private static Registers full() {
        Registers registers = new Registers();
        for (long at = 0; at < 15 * 8; at += 8) {
            registers.segment().set(Layouts.U64, at, 0x1111_0000L + at);
        }
        registers.fsBase(0x5000);
        registers.gsBase(0x6000);
        registers.eflags(0x202 | 0x400); // direction
        return registers;
    }

    private void assertNothingIsLeft() throws ErrnoException {
        Registers next = new Registers();
        run(new Assembler().syscall(), next);
        assertEquals(0, next.r15() | next.r12() | next.rbp() | next.rbx() | next.rdi() | next.rsi() | next.rdx() | next.r8());
        assertEquals(0, next.fsBase() | next.gsBase());
        assertEquals(0, next.eflags() & 0x400);
        try (Arena arena = Arena.ofConfined(); GuestContext fresh = platform.newContext()) {
            MemorySegment image = arena.allocate(context.fpuBytes(), 64);
            MemorySegment wanted = arena.allocate(context.fpuBytes(), 64);
            context.saveFpu(image);
            fresh.saveFpu(wanted);
            for (int at = 32; at < 416; at += 8) { // the registers of x87 and SSE
                assertEquals(wanted.get(Layouts.U64, at), image.get(Layouts.U64, at), "FPU state at " + at);
            }
        }
    }

    private SystrapAddressSpace newSpace() throws ErrnoException {
        SystrapAddressSpace fresh = (SystrapAddressSpace) platform.newAddressSpace(file.descriptor());
        fresh.map(CODE, 4096, 0, 5, false);
        fresh.map(DATA, 4096, DATA_OFFSET, 3, false);
        return fresh;
    }

    /** Runs code up to its first call, or its first exception. */
    private void run(Assembler code, Registers registers) throws ErrnoException {
        file.write(0, code);
        registers.rip(CODE);
        Exit exit = context.run(space, registers);
        assertTrue(exit == Exit.Plain.SYSCALL || exit instanceof Exit.Signal, exit.toString());
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
