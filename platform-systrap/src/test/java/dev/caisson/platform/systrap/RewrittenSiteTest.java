package dev.caisson.platform.systrap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.CodePatcher;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.testing.platform.Interrupter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sites that jump to the stub behave as sites that trap. */
@Timeout(600)
class RewrittenSiteTest {
    private static final long CODE = 0x7000_0000_0000L;
    private static final long DATA = 0x20_0000L;
    private static final int DATA_OFFSET = 0x4000;
    private static final int SITE = 0x10;
    private static final int NUMBER = 110;

    /** Of a loop that reads: the site, whose {@code syscall} is covered by the jump. */
    private static final int READ_SITE = 0x40;

    private boolean isAlone = true;
    /** The site lies in two words, which may be changed only by who is alone. */
    private boolean isOverAnEdge;
    private int file;
    private MemorySegment memory;
    private SystrapPlatform platform;
    private SystrapAddressSpace space;
    private SystrapContext context;
    private final Registers registers = new Registers();

    @BeforeEach
    void start() throws Exception {
        assumeTrue(SiteRewriter.isPossible(), "no BMI2");
        file = (int) HostMemory.createFile("rewrite", 1);
        HostMemory.resize(file, 1 << 20);
        memory = HostMemory.mapFile(file, 0, 1 << 20, true);
        platform = new SystrapPlatform();
        space = newSpace();
        context = (SystrapContext) platform.newContext();
        // rbx += 1; mov eax, NUMBER; syscall; for ever. The site lies in one aligned word.
        Assembler code = new Assembler();
        code.bytes(new int[SITE - 7]);
        Label loop = code.here();
        code.add(Register.RBX, 1).mov(Register.RAX, NUMBER).syscall().jump(loop);
        program(0, code);
        registers.rip(CODE + SITE - 7);
        registers.rsp(DATA + 0x800);
        registers.fsBase(DATA + 0x100);
    }

    @AfterEach
    void stop() {
        if (platform != null) {
            context.close();
            space.close();
            platform.close();
            HostMemory.unmap(memory.address(), memory.byteSize());
            HostFile.close(file);
        }
    }

    @Test
    void aSiteThatIsUsedOftenIsRewrittenAndGoesOn() throws Exception {
        warmUp();
        assertTrue(isRewritten());
        fill();
        Registers before = new Registers();
        before.copyFrom(registers);
        for (int i = 1; i <= 100; i++) {
            call();
            assertEquals(before.rbx() + i, registers.rbx());
            assertEquals(NUMBER, registers.origRax());
            assertEquals(CODE + SITE + 7, registers.rip());
            assertEquals(registers.rip(), registers.rcx());
            for (int word : new int[] {0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 14, 17, 19, 20, 21, 22}) {
                assertEquals(before.segment().get(Layouts.U64, 8L * word), registers.segment().get(Layouts.U64, 8L * word), "word " + word);
            }
        }
    }

    @Test
    void flagsAndVectorRegistersSurvive() throws Exception {
        warmUp();
        memory.set(Layouts.U64, DATA_OFFSET, 0x1122334455667788L);
        // movq xmm3, [rdi]; std; stc; jmp to the site
        program(0x100, new Assembler().bytes(0xf3, 0x0f, 0x7e, 0x1f, 0xfd, 0xf9).jump(Register.RSI));
        // after it: movq [rdi+8], xmm3; pushfq; pop rbx; syscall
        program(SITE + 7, new Assembler().bytes(0x66, 0x0f, 0xd6, 0x5f, 0x08, 0x9c, 0x5b).syscall());
        registers.rip(CODE + 0x100);
        registers.rdi(DATA);
        registers.rsi(CODE + SITE);
        call();
        assertEquals(0x401, registers.eflags() & 0x401);
        MemorySegment image = Arena.ofAuto().allocate(context.fpuBytes(), 64);
        context.saveFpu(image);
        assertEquals(0x1122334455667788L, image.get(Layouts.U64, 160 + 3 * 16));
        call();
        assertEquals(0x401, registers.rbx() & 0x401);
        assertEquals(0x1122334455667788L, memory.get(Layouts.U64, DATA_OFFSET + 8));
    }

    @Test
    void aJumpToTheCallItselfWorks() throws Exception {
        warmUp();
        registers.rip(CODE + SITE + 5);
        registers.rax(999);
        call();
        assertEquals(999, registers.origRax());
    }

    @Test
    void interruptsAreToldAtTheSiteOrElsewhereInTheProgram() throws Exception {
        warmUp();
        long calls = registers.rbx();
        try (var _ = new Interrupter(context)) {
            for (int i = 0; i < 20_000; i++) {
                Exit exit = context.run(space, registers);
                long at = registers.rip() - CODE;
                assertTrue(at >= 0 && at < 0x100, () -> "outside: " + Long.toHexString(registers.rip()));
                if (exit == Exit.Plain.SYSCALL) {
                    assertEquals(++calls, registers.rbx());
                    assertEquals(NUMBER, registers.origRax());
                } else {
                    assertEquals(Exit.Plain.INTERRUPTED, exit);
                }
            }
        }
    }

    @Test
    void aChildInheritsTheSite() throws Exception {
        warmUp();
        try (SystrapAddressSpace child = (SystrapAddressSpace) space.fork(context)) {
            Registers own = new Registers();
            own.copyFrom(registers);
            onAnotherThread(child, own, 50);
            assertEquals(registers.rbx() + 50, own.rbx());
        }
        call();
    }

    @Test
    void twoThreadsWithOneBaseDoNotMeet() throws Exception {
        warmUp();
        Registers own = new Registers();
        own.copyFrom(registers);
        own.rbx(1_000_000);
        onAnotherThread(space, own, 50); // while the first one stands still, as after vfork
        assertEquals(1_000_050, own.rbx());
        long before = registers.rbx();
        for (int i = 1; i <= 50; i++) {
            call();
            assertEquals(before + i, registers.rbx());
        }
    }

    @Test
    void steppingGetsTheSiteBack() throws Exception {
        warmUp();
        registers.rip(CODE + SITE);
        registers.rax(0);
        registers.eflags(0x302);
        Exit exit = context.run(space, registers);
        assertTrue(exit instanceof Exit.Signal, exit.toString());
        assertEquals(CODE + SITE + 5, registers.rip());
        assertEquals(NUMBER, registers.rax());
        assertFalse(isRewritten());
    }

    @Test
    void restoringLeavesTheCodeAsItWas() throws Exception {
        byte[] before = bytes(0, 64);
        warmUp();
        assertFalse(Arrays.equals(before, bytes(0, 64)));
        space.restoreCode();
        assertArrayEquals(before, bytes(0, 64));
        call();
    }

    @Test
    void aLookAlikeWithAnotherNumberIsLeftAlone() throws Exception {
        program(SITE, new Assembler().mov(Register.RAX, 5));
        registers.rip(CODE + SITE + 5);
        for (int i = 0; i < 100; i++) {
            registers.rip(CODE + SITE + 5);
            registers.rax(NUMBER);
            call();
        }
        assertFalse(isRewritten());
    }

    /** rbx += 1; xor eax, eax; syscall; cmp rax, -4096; for ever. */
    private void goToReadLoop() {
        goToReadLoop(READ_SITE);
    }

    private void goToReadLoop(int site) {
        Assembler code = new Assembler();
        Label loop = code.here();
        code.add(Register.RBX, 1);
        while (code.offset() < 8) {
            code.bytes(0x90);
        }
        code.bytes(0x31, 0xc0).syscall().bytes(0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff).jump(loop);
        program(site - 8, code);
        registers.rip(CODE + site - 8);
    }

    private boolean isReadRewritten() {
        return memory.get(ValueLayout.JAVA_BYTE, READ_SITE) == (byte) 0xe9;
    }

    @Test
    void aSiteWhoseJumpCoversTheCallGoesOnBehindIt() throws Exception {
        goToReadLoop();
        warmUp();
        assertTrue(isReadRewritten());
        assertEquals(0x48, memory.get(ValueLayout.JAVA_BYTE, READ_SITE + 4));
        fill();
        long before = registers.rbx();
        for (int i = 1; i <= 100; i++) {
            registers.rax(i);
            call();
            assertEquals(before + i, registers.rbx());
            assertEquals(0, registers.origRax());
            assertEquals(CODE + READ_SITE + 4, registers.rip());
            assertEquals(registers.rip(), registers.rcx());
        }
    }

    @Test
    void aCoveredCallCanBeMadeAgain() throws Exception {
        goToReadLoop();
        warmUp();
        for (int number : new int[] {0, 219}) {
            registers.rip(CODE + READ_SITE + 2); // as the kernel does for a restart
            registers.rax(number);
            call();
            assertEquals(number, registers.origRax());
            assertEquals(CODE + READ_SITE + 4, registers.rip());
        }
        call();
    }

    @Test
    void aCoveredCallThatCannotBeChangedAnyMoreCanBeMadeAgain() throws Exception {
        int site = READ_SITE + 5;
        isOverAnEdge = true;
        goToReadLoop(site);
        warmUp();
        assertEquals((byte) 0xe9, memory.get(ValueLayout.JAVA_BYTE, site));
        isAlone = false;
        registers.rip(CODE + site + 2);
        registers.rax(0);
        call();
        assertEquals(0, registers.origRax());
        assertEquals(CODE + site + 4, registers.rip());
    }

    @Test
    void otherCodeInThePlaceOfACoveredCallIsRunAsItIs() throws Exception {
        goToReadLoop();
        warmUp();
        program(READ_SITE, new Assembler().bytes(0x90, 0x90, 0xb8, 7, 0, 0, 0).syscall());
        registers.rip(CODE + READ_SITE + 2);
        registers.rax(1);
        call();
        assertEquals(7, registers.origRax());
        assertEquals(CODE + READ_SITE + 9, registers.rip());
    }

    @Test
    void interruptsAtACoveredCallAreToldInTheProgram() throws Exception {
        goToReadLoop();
        warmUp();
        long calls = registers.rbx();
        try (var _ = new Interrupter(context)) {
            for (int i = 0; i < 20_000; i++) {
                if (i % 7 == 0 && registers.rip() == CODE + READ_SITE + 4) {
                    registers.rip(registers.rip() - 2);
                    registers.rax(0);
                    registers.rbx(registers.rbx() + 1);
                }
                Exit exit = context.run(space, registers);
                long at = registers.rip() - CODE;
                assertTrue(at >= 0 && at < 0x100 && at != READ_SITE + 1 && at != READ_SITE + 3, () -> "at " + Long.toHexString(registers.rip()));
                if (exit == Exit.Plain.SYSCALL) {
                    assertEquals(++calls, registers.rbx());
                    assertEquals(0, registers.origRax());
                } else {
                    assertEquals(Exit.Plain.INTERRUPTED, exit);
                }
            }
        }
    }

    @Test
    void aCoveredCallIsNotRewrittenWhileAnotherThreadMayBeThere() throws Exception {
        isAlone = false;
        goToReadLoop();
        warmUp();
        assertFalse(isReadRewritten());
    }

    @Test
    void restoringACoveredCallLeavesTheCodeAsItWas() throws Exception {
        goToReadLoop();
        byte[] before = bytes(0, 128);
        warmUp();
        assertTrue(isReadRewritten());
        space.restoreCode();
        assertArrayEquals(before, bytes(0, 128));
        call();
    }

    private void warmUp() throws ErrnoException {
        for (int i = 0; i < 40; i++) {
            call();
        }
    }

    private void call() throws ErrnoException {
        assertEquals(Exit.Plain.SYSCALL, run(context, space, registers));
    }

    private static Exit run(SystrapContext context, SystrapAddressSpace space, Registers registers) throws ErrnoException {
        Exit exit = context.run(space, registers);
        while (exit == Exit.Plain.INTERRUPTED) {
            exit = context.run(space, registers);
        }
        return exit;
    }

    private void onAnotherThread(SystrapAddressSpace where, Registers own, int calls) throws Exception {
        Throwable[] failure = new Throwable[1];
        Thread thread = new Thread(() -> {
            try (SystrapContext other = (SystrapContext) platform.newContext()) {
                for (int i = 0; i < calls; i++) {
                    assertEquals(Exit.Plain.SYSCALL, run(other, where, own));
                }
            } catch (Throwable t) {
                failure[0] = t;
            }
        });
        thread.start();
        thread.join();
        if (failure[0] != null) {
            throw new AssertionError(failure[0]);
        }
    }

    private final class Patcher implements CodePatcher {
        @Override
        public boolean holds(long address, byte[] expected) {
            return Arrays.equals(expected, bytes((int) (address - CODE), expected.length));
        }

        @Override
        public boolean replace(long address, byte[] expected, byte[] replacement) {
            int at = (int) (address - CODE);
            if (!holds(address, expected) || isOverAnEdge && !isAlone) {
                return false;
            }
            assertTrue(isOverAnEdge || (at & 7) + expected.length <= 8);
            MemorySegment.copy(MemorySegment.ofArray(replacement), 0, memory, at, replacement.length);
            return true;
        }

        @Override
        public boolean replaceAlone(long address, byte[] expected, byte[] replacement) {
            return isAlone && replace(address, expected, replacement);
        }
    }

    /** A space with code that the guest cannot write, and a patcher as the kernel's. */
    private SystrapAddressSpace newSpace() throws ErrnoException {
        SystrapAddressSpace made = (SystrapAddressSpace) platform.newAddressSpace(file);
        made.map(CODE, 4096, 0, 5, false);
        made.map(DATA, 4096, DATA_OFFSET, 3, false);
        made.codePatcher(new Patcher());
        return made;
    }

    private boolean isRewritten() {
        return memory.get(ValueLayout.JAVA_BYTE, SITE) == (byte) 0xe9;
    }

    private byte[] bytes(int at, int length) {
        return memory.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
    }

    private void fill() {
        for (int word : new int[] {0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 14}) {
            registers.segment().set(Layouts.U64, 8L * word, 0x1111_2222_3333L * (word + 1));
        }
    }

    private void program(int at, Assembler code) {
        byte[] bytes = code.toBytes();
        memory.asSlice(at, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    }
}
