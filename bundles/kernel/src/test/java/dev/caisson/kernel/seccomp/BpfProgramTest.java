package dev.caisson.kernel.seccomp;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Seccomp;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Classic BPF as seccomp has it. The errors of whole programs are in the guest test seccomp.c, which also runs on Linux. */
final class BpfProgramTest {
    private static final int LD_ABS = 0x20;
    private static final int JEQ = 0x15;
    private static final int RET = 0x06;
    private static final int ALLOW = Seccomp.SECCOMP_RET_ALLOW;

    private static BpfProgram program(int... words) throws ErrnoException {
        MemorySegment bytes = MemorySegment.ofArray(new byte[words.length * 2]);
        for (int i = 0; i < words.length; i += 4) {
            bytes.set(Layouts.U16, 2L * i, (short) words[i]);
            bytes.set(Layouts.U8, 2L * i + 2, (byte) words[i + 1]);
            bytes.set(Layouts.U8, 2L * i + 3, (byte) words[i + 2]);
            bytes.set(Layouts.U32, 2L * i + 4, words[i + 3]);
        }
        return BpfProgram.of(bytes);
    }

    @Test
    void aCallByNumberIsRefusedAndOthersAreAllowedWithoutLooking() throws ErrnoException {
        BpfProgram program = program(LD_ABS, 0, 0, 0, JEQ, 0, 1, 39, RET, 0, 0, 0x50001, RET, 0, 0, ALLOW);
        assertEquals(0x50001, program.run(index -> 39));
        assertEquals(ALLOW, program.run(index -> 40));
        assertFalse(program.alwaysAllows(39));
        assertTrue(program.alwaysAllows(40));
    }

    @Test
    void whatDependsOnArgumentsIsNotKnownBeforehand() throws ErrnoException {
        BpfProgram program = program(LD_ABS, 0, 0, 16, JEQ, 0, 1, 0, RET, 0, 0, ALLOW, RET, 0, 0, 0x50001);
        assertFalse(program.alwaysAllows(1));
        assertEquals(ALLOW, program.run(index -> 0));
        assertEquals(0x50001, program.run(index -> index == 4 ? 1 : 0));
    }

    @Test
    void theSeverestFilterOfAChainIsKnownByItsNumber() throws ErrnoException {
        SeccompState first = SeccompState.filter(program(RET, 0, 0, ALLOW), null);
        SeccompState second = SeccompState.filter(program(LD_ABS, 0, 0, 0, JEQ, 1, 0, 2, RET, 0, 0, ALLOW, RET, 0, 0, 0x50001), first);
        assertTrue(first.allowsWithoutLooking(2));
        assertFalse(second.allowsWithoutLooking(2));
        assertTrue(second.allowsWithoutLooking(3));
        assertFalse(second.allowsWithoutLooking(-1));
        assertFalse(second.allowsWithoutLooking(1 << 20));
        assertEquals(2, second.filters());
        assertTrue(second.continues(first) && second.continues(null));
        assertFalse(first.continues(second));
    }

    /** Whatever passes the check ends, with an answer that both ways of running it agree about. */
    @Test
    void randomProgramsAreRefusedOrRun() throws ErrnoException {
        Random random = new Random(11);
        int[] codes = {0x20, 0x80, 0x81, 0, 1, 0x60, 0x61, 2, 3, 4, 0xc, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64,
                0x6c, 0x74, 0x7c, 0x84, 0xa4, 0xac, 5, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 6, 0x16, 7, 0x87, 0x94, 0x28, 0x40};
        int accepted = 0;
        for (int round = 0; round < 20_000; round++) {
            int length = 1 + random.nextInt(6);
            int[] words = new int[length * 4];
            for (int i = 0; i < words.length; i += 4) {
                words[i] = random.nextInt(50) == 0 ? random.nextInt() : codes[random.nextInt(codes.length)];
                words[i + 1] = random.nextInt(3);
                words[i + 2] = random.nextInt(3);
                words[i + 3] = random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(17) * 4;
            }
            words[words.length - 4] = RET;
            BpfProgram program;
            try {
                program = program(words);
            } catch (ErrnoException refused) {
                assertEquals(Errno.EINVAL, refused.errno());
                continue;
            }
            accepted++;
            int number = random.nextInt(400);
            int answer = program.run(index -> index == 0 ? number : index == 1 ? Seccomp.AUDIT_ARCH_X86_64 : random.nextInt());
            assertTrue(!program.alwaysAllows(number) || answer == ALLOW);
        }
        assertTrue(accepted > 1000);
        assertErrno(Errno.EINVAL, () -> program(0x60, 0, 0, 1, RET, 0, 0, 0));
    }
}
