package dev.caisson.memory;

import static dev.caisson.abi.Mman.MADV_DONTNEED;
import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_FIXED;
import static dev.caisson.abi.Mman.MAP_PRIVATE;
import static dev.caisson.abi.Mman.PROT_NONE;
import static dev.caisson.abi.Mman.PROT_READ;
import static dev.caisson.abi.Mman.PROT_WRITE;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Looking at memory without a trace, and mseal(2). */
final class PeekAndSealTest {
    private static final long PAGE = Pages.SIZE;
    private static final long BASE = 0x20_0000_0000L;

    private final MemoryManager memory = new MemoryManager(new MemoryFile(HostBacking.ofPlainMemory(8L << 20), 0), new FakePlatform());
    private final byte[] seen = new byte[16];

    @BeforeEach
    void mapFourPages() throws ErrnoException {
        memory.map(BASE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, null, 0);
    }

    @Test
    void untouchedMemoryReadsAsZerosAndStaysUntouched() {
        seen[3] = 7;
        assertEquals(16, memory.peek(BASE + PAGE - 8, seen, 16));
        assertArrayEquals(new byte[16], seen);
        assertEquals(0, memory.usage().resident());
        assertEquals(0, memory.minorFaults());
    }

    @Test
    void contentIsReadUpToWhatCannotBe() throws ErrnoException {
        memory.copyOut(BASE + 4 * PAGE - 3, new byte[] {1, 2, 3});
        assertEquals(3, memory.peek(BASE + 4 * PAGE - 3, seen, 16));
        assertEquals(2, seen[1]);
        memory.protect(BASE, PAGE, PROT_NONE);
        assertEquals(0, memory.peek(BASE, seen, 16));
        assertEquals(0, memory.peek(-8, seen, 16));
        assertEquals(0, memory.peek(Long.MAX_VALUE, seen, 16));
    }

    @Test
    void sealedPagesStayAsTheyAre() throws ErrnoException {
        memory.seal(BASE + PAGE, PAGE);
        assertErrno(Errno.EPERM, () -> memory.unmap(BASE, 4 * PAGE));
        assertErrno(Errno.EPERM, () -> memory.protect(BASE + PAGE, PAGE, PROT_READ));
        assertErrno(Errno.EPERM, () -> memory.remap(BASE + PAGE, PAGE, 2 * PAGE, 1, 0));
        memory.advise(BASE + PAGE, PAGE, MADV_DONTNEED); // it could be written as well
        memory.unmap(BASE, PAGE);
        memory.unmap(BASE + 2 * PAGE, PAGE);
    }

    @Test
    void aSealOverAGapSealsNothing() throws ErrnoException {
        memory.unmap(BASE + 2 * PAGE, PAGE);
        assertErrno(Errno.ENOMEM, () -> memory.seal(BASE, 4 * PAGE));
        assertErrno(Errno.EINVAL, () -> memory.seal(BASE + 1, PAGE));
        memory.unmap(BASE, 4 * PAGE);
    }
}
