package dev.caisson.memory;

import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_FIXED;
import static dev.caisson.abi.Mman.MAP_NORESERVE;
import static dev.caisson.abi.Mman.MAP_PRIVATE;
import static dev.caisson.abi.Mman.PROT_READ;
import static dev.caisson.abi.Mman.PROT_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is mapped before anybody touches it. */
class MappingAheadTest {
    private static final long PAGE = Pages.SIZE;
    private static final long BASE = 0x20_0000_0000L;
    private static final int RW = PROT_READ | PROT_WRITE;
    private static final int ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    private static final int HEAP_STEP = 33; // malloc(3)'s

    private final FakePlatform platform = new FakePlatform();
    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0);
    private final MemoryManager memory = new MemoryManager(frames, platform);
    private final FakePlatform.Guest guest = platform.new Guest(memory);

    @BeforeEach
    void makeSpace() throws ErrnoException {
        memory.space();
    }

    private long faultsOfWriting(long pageCount, long from) throws ErrnoException {
        long before = memory.minorFaults();
        for (long page = from; page < from + pageCount; page++) {
            assertEquals(0, guest.store(BASE + page * PAGE, (byte) 1));
        }
        return memory.minorFaults() - before;
    }

    private long residentPages(int pageCount) throws ErrnoException {
        byte[] resident = new byte[pageCount];
        memory.residency(BASE, pageCount, resident);
        long count = 0;
        for (byte page : resident) {
            count += page & 1;
        }
        return count;
    }

    @Test
    void littleAnonymousMemoryIsWrittenWithoutAFault() throws ErrnoException {
        memory.map(BASE, 16 * PAGE, RW, ANON, null, 0);
        assertEquals(0, faultsOfWriting(16, 0));
        assertEquals(0, guest.load(BASE + 8), "zeros but for what was stored");
    }

    @Test
    void memoryThatTakesThePlaceOfOtherMemoryReadsAsZeros() throws ErrnoException {
        memory.map(BASE, 16 * PAGE, RW, ANON, null, 0);
        faultsOfWriting(16, 0);
        memory.map(BASE, 16 * PAGE, RW, ANON, null, 0);
        for (int page = 0; page < 16; page++) {
            assertEquals(0, guest.load(BASE + page * PAGE));
        }
    }

    @Test
    void muchMemoryAndMemoryThatCannotBeWrittenWaitForTheirFaults() throws ErrnoException {
        memory.map(BASE, 64 * PAGE, RW, ANON, null, 0);
        assertEquals(0, residentPages(64));
        memory.map(BASE, 4 * PAGE, PROT_READ, ANON, null, 0);
        assertEquals(0, residentPages(4));
        memory.map(BASE, 4 * PAGE, RW, ANON | MAP_NORESERVE, null, 0);
        assertEquals(0, residentPages(4));
    }

    @Test
    void aHeapThatIsInUseGrowsWithoutFaults() throws ErrnoException {
        memory.layout().brkStart = BASE;
        memory.layout().brkEnd = BASE;
        memory.brk(BASE + HEAP_STEP * PAGE);
        assertEquals(1, faultsOfWriting(HEAP_STEP, 0));
        for (int step = 1; step < 5; step++) {
            memory.brk(BASE + (step + 1) * HEAP_STEP * PAGE);
            assertEquals(0, faultsOfWriting(HEAP_STEP, (long) step * HEAP_STEP));
        }
    }

    @Test
    void aHeapThatNobodyUsesStaysUntouched() throws ErrnoException {
        memory.layout().brkStart = BASE;
        memory.layout().brkEnd = BASE;
        memory.brk(BASE + HEAP_STEP * PAGE);
        memory.brk(BASE + 2 * HEAP_STEP * PAGE);
        assertEquals(0, residentPages(2 * HEAP_STEP));
    }

    @Test
    void withoutMemoryTheMappingIsMadeAllTheSame() throws ErrnoException {
        frames.limitBytes(Math.max(PAGE, frames.usedBytes()));
        memory.map(BASE, 16 * PAGE, RW, ANON | MAP_NORESERVE, null, 0);
        assertTrue(memory.mappings().stream().anyMatch(vma -> vma.start() == BASE));
    }
}
