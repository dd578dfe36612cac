package dev.caisson.testing.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcessor;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/**
 * The part of {@link PlatformContractTest} about what no event may touch: each kind of event happens to a guest that has put something
 * into everything a thread has (general registers, flags, segment bases, all vector registers the processor has, mask registers, x87
 * stack, both control words, the red zone), and which looks at it afterwards.
 */
abstract class StateContract extends ContextContract {
    private static final long HOLE = 0x7000_0000L;
    private static final long HELD = 0x1b1b1b1b08L;

    /** Offsets from the start of the data, and from {@link #OUT} for what comes back. */
    private static final int VECTORS = 0;
    private static final int MASKS = 2048;
    private static final int X87_CONTROL = 2304;
    private static final int MXCSR = 2312;
    private static final int X87_STACK = 2320;
    private static final int OUT = 0x1000;
    private static final int COUNTER = 0x3000;

    private static final int AVX = 4;
    private static final int AVX512 = 0xe0;
    /** Direction and carry. */
    private static final long FLAGS = 0x401;

    StateContract() {}

    /** Something that ends {@link GuestContext#run}. */
    private interface Event {
        /** The instructions at which it happens. No register but rax, rcx and r11 may change in them. */
        Assembler code(Assembler code);

        /** Runs to it and over it. */
        void happen() throws Exception;
    }

    /** An instruction that ends in an exception. */
    private final class Trap implements Event {
        private final int[] instruction;
        private final int skipped;

        Trap(int skipped, int... instruction) {
            this.instruction = instruction;
            this.skipped = skipped;
        }

        @Override
        public Assembler code(Assembler code) {
            return code.bytes(instruction);
        }

        @Override
        public void happen() throws Exception {
            Exit exit = guest.runOn();
            assertTrue(exit instanceof Exit.Signal, exit::toString);
            checkScratch();
            guest.registers.rip(guest.registers.rip() + skipped);
        }
    }

    /** A system call, and something the kernel does meanwhile. */
    private final class Call implements Event {
        private final Body meanwhile;

        Call(Body meanwhile) {
            this.meanwhile = meanwhile;
        }

        @Override
        public Assembler code(Assembler code) {
            return code.syscall();
        }

        @Override
        public void happen() throws Exception {
            syscall();
            meanwhile.run();
        }
    }

    @Test
    void aSystemCallTouchesNothing() throws Exception {
        everythingSurvives(new Call(() -> { }));
    }

    @Test
    void changesOfTheSpaceTouchNothing() throws Exception {
        everythingSurvives(new Call(() -> {
            guest.space.map(HOLE, 4 * Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ_WRITE, false);
            guest.space.protect(HOLE, Guest.PAGE, Guest.READ);
            onAnotherThread(() -> guest.space.unmap(HOLE, 4 * Guest.PAGE));
            guest.space.prepareContext(guest.context);
            guest.space.fork(guest.context).close();
        }));
    }

    @Test
    void aSleepTouchesNothing() throws Exception {
        everythingSurvives(new Call(() -> {
            guest.context.sleeping();
            guest.context.awake();
        }));
    }

    @Test
    void aLookAtTheFpuTouchesNothing() throws Exception {
        everythingSurvives(new Call(() -> {
            MemorySegment image = Arena.ofAuto().allocate(guest.context.fpuBytes(), 64);
            guest.context.saveFpu(image);
            guest.context.restoreFpu(image);
        }));
    }

    @Test
    void anotherContextOfTheThreadTouchesNothing() throws Exception {
        everythingSurvives(new Call(() -> onAnotherThread(() -> {
            try (GuestContext other = guest.platform.newContext()) {
                other.resetFpu();
                Registers registers = new Registers();
                Guest.start(registers);
                registers.rip(Guest.CODE + Guest.PAGE);
                guest.memory.asSlice(Guest.PAGE, 8).copyFrom(MemorySegment.ofArray(
                    new byte[] {0x66, 0x0f, (byte) 0xef, (byte) 0xc0, 0x0f, 0x05, 0, 0})); // pxor xmm0, xmm0; syscall
                assertEquals(Exit.Plain.SYSCALL, Guest.runOn(other, guest.space, registers));
            }
        })));
    }

    @Test
    void aFaultTouchesNothing() throws Exception {
        everythingSurvives(new Event() {
            @Override
            public Assembler code(Assembler code) {
                return code.load(Register.R8, Register.R14, 0); // what r8 has already
            }

            @Override
            public void happen() throws Exception {
                guest.space.unmap(HOLE, Guest.PAGE);
                assertTrue(guest.runOn() instanceof Exit.Fault);
                checkScratch();
                guest.memory.set(Layouts.U64, Guest.SPARE_OFFSET, HELD);
                guest.space.map(HOLE, Guest.PAGE, Guest.SPARE_OFFSET, Guest.READ, false);
            }
        });
    }

    @Test
    void aBreakpointTouchesNothing() throws Exception {
        everythingSurvives(new Trap(0, 0xcc));
    }

    @Test
    void anUndefinedInstructionTouchesNothing() throws Exception {
        everythingSurvives(new Trap(2, 0x0f, 0x0b));
    }

    @Test
    void aPrivilegedInstructionTouchesNothing() throws Exception {
        everythingSurvives(new Trap(1, 0xf4));
    }

    @Test
    void aSingleStepTouchesNothing() throws Exception {
        everythingSurvives(new Event() {
            @Override
            public Assembler code(Assembler code) {
                return code.syscall().bytes(0x90, 0x90);
            }

            @Override
            public void happen() throws Exception {
                syscall();
                long next = guest.registers.rip();
                guest.registers.eflags(guest.registers.eflags() | 0x100);
                assertTrue(guest.runOn() instanceof Exit.Signal);
                assertEquals(next + 1, guest.registers.rip());
                guest.registers.eflags(guest.registers.eflags() & ~0x100L);
            }
        });
    }

    @Test
    void anInterruptTouchesNothing() throws Exception {
        everythingSurvives(new Event() {
            private long end;

            @Override
            public Assembler code(Assembler code) {
                // a loop that counts without touching a flag: lea rcx, [rcx+1]; mov [r15], rcx
                Label loop = code.here();
                code.lea(Register.RCX, Register.RCX, 1).store(Register.R15, 0, Register.RCX).jump(loop);
                end = code.offset();
                return code;
            }

            @Override
            public void happen() throws Exception {
                long before = guest.data(COUNTER);
                Thread interrupter = new Thread(() -> {
                    while (guest.data(COUNTER) == before) {
                        Thread.onSpinWait();
                    }
                    guest.context.interrupt();
                });
                interrupter.start();
                do {
                    assertEquals(Exit.Plain.INTERRUPTED, guest.run());
                } while (interrupter.isAlive() && guest.data(COUNTER) == before);
                interrupter.join();
                guest.registers.rip(Guest.CODE + end);
            }
        });
    }

    private void everythingSurvives(Event event) throws Exception {
        Assembler code = new Assembler();
        everyRegister(code, true);
        code.bytes(0xfd, 0xf9); // std; stc
        event.code(code);
        int after = code.offset();
        everyRegister(code, false);
        guest.program(code.bytes(0xfc).syscall()); // cld
        for (int round = 0; round < 5; round++) {
            fillData(round);
            Registers r = guest.registers;
            Guest.start(r);
            fillRegisters(r);
            r.rdi(Guest.DATA);
            r.rsi(Guest.DATA + OUT);
            r.r14(HOLE);
            r.r15(Guest.DATA + COUNTER);
            r.r8(HELD);
            Registers before = new Registers();
            before.copyFrom(r);
            event.happen();
            assertEquals(FLAGS, r.eflags() & FLAGS, "flags");
            assertSame(before, r);
            syscall();
            assertSame(before, r);
            assertTrue(r.rip() > Guest.CODE + after);
            checkData(round);
        }
    }

    /** Registers that only a system call may change. */
    private void checkScratch() {
        Registers expected = new Registers();
        fillRegisters(expected);
        assertEquals(expected.rax(), guest.registers.rax());
        assertEquals(expected.rcx(), guest.registers.rcx());
        assertEquals(expected.r11(), guest.registers.r11());
    }

    /** Loads everything but the general registers from [rdi], or stores it to [rsi]. */
    private static void everyRegister(Assembler code, boolean isLoad) {
        long states = HostProcessor.xsaveStates();
        int base = isLoad ? 0x87 : 0x86; // a displacement of 32 bits from rdi, or rsi
        int move = isLoad ? 0x6f : 0x7f;
        boolean has512 = (states & AVX512) == AVX512;
        for (int n = 0; n < (has512 ? 32 : 16); n++) {
            int high = n >> 3 & 1;
            if (has512) { // vmovdqu64 zmm
                code.bytes(0x62, (high ^ 1) << 7 | 0x61 | (n < 16 ? 0x10 : 0), 0xfe, 0x48, move);
            } else if ((states & AVX) != 0) { // vmovdqu ymm
                code.bytes(0xc5, high == 0 ? 0xfe : 0x7e, move);
            } else if (high == 0) { // movdqu xmm
                code.bytes(0xf3, 0x0f, move);
            } else {
                code.bytes(0xf3, 0x44, 0x0f, move);
            }
            displacement(code.bytes(base | (n & 7) << 3), VECTORS + 64 * n);
        }
        for (int n = 1; has512 && n < 8; n++) { // kmovw
            displacement(code.bytes(0xc5, 0xf8, isLoad ? 0x90 : 0x91, base | n << 3), MASKS + 8 * n);
        }
        if (isLoad) {
            displacement(code.bytes(0xd9, base | 5 << 3), X87_CONTROL); // fldcw
            displacement(code.bytes(0x0f, 0xae, base | 2 << 3), MXCSR); // ldmxcsr
            for (int n = 0; n < 8; n++) { // fld of 80 bits
                displacement(code.bytes(0xdb, base | 5 << 3), X87_STACK + 16 * n);
            }
        } else {
            for (int n = 7; n >= 0; n--) { // fstp of 80 bits: the last comes first
                displacement(code.bytes(0xdb, base | 7 << 3), X87_STACK + 16 * n);
            }
            displacement(code.bytes(0xd9, base | 7 << 3), X87_CONTROL); // fnstcw
            displacement(code.bytes(0x0f, 0xae, base | 3 << 3), MXCSR); // stmxcsr
        }
    }

    private static void displacement(Assembler code, int value) {
        code.bytes(value & 0xff, value >> 8 & 0xff, 0, 0);
    }

    private void fillData(int round) {
        for (int at = 0; at < MASKS; at += 8) {
            guest.data(VECTORS + at, 0x0101_0101_0101_0101L * (at / 8 + 1) + round);
            guest.data(OUT + at, 0);
        }
        for (int n = 0; n < 8; n++) {
            guest.data(MASKS + 8 * n, 0x1234 + n + round);
            guest.data(X87_STACK + 16 * n, 0x8000_0000_0000_0000L | 0x1234_5678L << n | round); // normal numbers
            guest.data(X87_STACK + 16 * n + 8, 0x3fff + n);
        }
        guest.data(X87_CONTROL, 0x0f7f); // round towards zero, 64 bits of mantissa
        guest.data(MXCSR, 0x7f80 | round % 2 << 15); // round towards zero; flush to zero every second time
        for (int n = 1; n <= 16; n++) {
            guest.data(Guest.DATA_BYTES - 256 - 8 * n, 0x5a5a_0000L + n + round);
        }
    }

    private void checkData(int round) {
        int vectors = (HostProcessor.xsaveStates() & AVX512) == AVX512 ? 32 : 16;
        int bytes = vectors == 32 ? 64 : (HostProcessor.xsaveStates() & AVX) != 0 ? 32 : 16;
        for (int n = 0; n < vectors; n++) {
            for (int at = 64 * n; at < 64 * n + bytes; at += 8) {
                int number = n;
                assertEquals(guest.data(at), guest.data(OUT + at), () -> "vector register " + number);
            }
        }
        for (int n = 1; vectors == 32 && n < 8; n++) {
            assertEquals(guest.data(MASKS + 8 * n) & 0xffff, guest.data(OUT + MASKS + 8 * n) & 0xffff, "mask register");
        }
        for (int n = 0; n < 8; n++) {
            assertEquals(guest.data(X87_STACK + 16 * n), guest.data(OUT + X87_STACK + 16 * n), "x87 register");
            assertEquals(guest.data(X87_STACK + 16 * n + 8) & 0xffff, guest.data(OUT + X87_STACK + 16 * n + 8) & 0xffff);
        }
        assertEquals(guest.data(X87_CONTROL) & 0xffff, guest.data(OUT + X87_CONTROL) & 0xffff, "x87 control word");
        assertEquals(guest.data(MXCSR) & 0xffc0, guest.data(OUT + MXCSR) & 0xffc0, "MXCSR");
        for (int n = 1; n <= 16; n++) {
            assertEquals(0x5a5a_0000L + n + round, guest.data(Guest.DATA_BYTES - 256 - 8 * n), "red zone");
        }
    }

    @Test
    void wideVectorRegistersMoveToAnotherContext() throws Exception {
        assumeTrue((HostProcessor.xsaveStates() & AVX) != 0, "no AVX");
        Assembler code = new Assembler();
        everyRegister(code, true);
        code.syscall();
        everyRegister(code, false);
        guest.program(code.syscall());
        fillData(3);
        guest.registers.rdi(Guest.DATA);
        guest.registers.rsi(Guest.DATA + OUT);
        syscall();
        MemorySegment image = Arena.ofAuto().allocate(guest.context.fpuBytes(), 64);
        guest.context.saveFpu(image);
        guest.context.resetFpu();
        Registers registers = new Registers();
        registers.copyFrom(guest.registers);
        onAnotherThread(() -> {
            try (GuestContext other = guest.platform.newContext()) {
                other.restoreFpu(image);
                assertEquals(Exit.Plain.SYSCALL, Guest.runOn(other, guest.space, registers));
            }
        });
        checkData(3);
    }

    @Test
    void aStormOfInterruptsDisturbsNoComputation() throws Exception {
        // pxor xmm0,xmm0; movq xmm1,[rsi]; loop: a step of a random number generator in rax; paddq xmm0,xmm1; movq [rdi],xmm0; syscall
        Assembler code = new Assembler().bytes(0x66, 0x0f, 0xef, 0xc0, 0xf3, 0x0f, 0x7e, 0x0e);
        Label loop = code.here();
        code.mov(Register.RDX, Register.RAX).shl(Register.RDX, 13).xor(Register.RAX, Register.RDX)
            .mov(Register.RDX, Register.RAX).shr(Register.RDX, 7).xor(Register.RAX, Register.RDX)
            .mov(Register.RDX, Register.RAX).shl(Register.RDX, 17).xor(Register.RAX, Register.RDX)
            .bytes(0x66, 0x0f, 0xd4, 0xc1).sub(Register.RCX, 1).jump(Condition.NOT_EQUAL, loop);
        guest.program(code.bytes(0x66, 0x0f, 0xd6, 0x07).syscall());
        int threads = 6;
        int steps = 200_000;
        long expected = 1;
        for (int i = 0; i < steps; i++) {
            expected ^= expected << 13;
            expected ^= expected >>> 7;
            expected ^= expected << 17;
        }
        long result = expected;
        AtomicReference<Throwable> failure = new AtomicReference<>();
        AtomicInteger interrupts = new AtomicInteger();
        AtomicInteger storms = new AtomicInteger(2);
        List<GuestContext> contexts = new ArrayList<>();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            GuestContext context = guest.platform.newContext();
            contexts.add(context);
            long data = 64L * i;
            guest.data(data, 3 + i);
            all.add(new Thread(() -> {
                try (context) {
                    Registers registers = new Registers();
                    for (int round = 0; round == 0 || storms.get() > 0; round++) {
                        Guest.start(registers);
                        registers.rax(1);
                        registers.rcx(steps);
                        registers.rsi(Guest.DATA + data);
                        registers.rdi(Guest.DATA + data + 8);
                        Exit exit = context.run(guest.space, registers);
                        while (exit == Exit.Plain.INTERRUPTED) {
                            interrupts.incrementAndGet();
                            exit = context.run(guest.space, registers);
                        }
                        assertEquals(Exit.Plain.SYSCALL, exit);
                        assertEquals(result, registers.origRax());
                        assertEquals(guest.data(data) * steps, guest.data(data + 8));
                    }
                } catch (Throwable t) {
                    failure.set(t);
                }
            }));
        }
        for (int storm = 0; storm < 2; storm++) {
            int own = storm;
            all.add(new Thread(() -> {
                for (int i = 0; i < 400 && failure.get() == null; i++) {
                    contexts.get((i * (own + 1) + own) % threads).interrupt();
                    for (int pause = 0; pause < i % 40 * 50; pause++) {
                        Thread.onSpinWait();
                    }
                    Thread.yield();
                }
                storms.decrementAndGet();
            }));
        }
        all.forEach(Thread::start);
        for (Thread thread : all) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError("on another thread: " + failure.get(), failure.get());
        }
        assertTrue(interrupts.get() > 0, "no interrupt arrived");
    }
}
