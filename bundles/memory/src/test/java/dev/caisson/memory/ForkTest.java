package dev.caisson.memory;

import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_FIXED;
import static dev.caisson.abi.Mman.MAP_PRIVATE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.Capability;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a child starts with on a platform whose spaces are cheap. */
class ForkTest {
    private static final long PAGE = Pages.SIZE;
    private static final long BASE = 0x20_0000_0000L;
    private static final int READ_WRITE = 3;

    private final FakePlatform platform = new FakePlatform(Capability.REUSES_SPACES, Capability.INHERITS_MAPPINGS);
    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0);
    private final MemoryManager parent = new MemoryManager(frames, platform);
    private final FakePlatform.Guest parentGuest = platform.new Guest(parent);

    @BeforeEach
    void map() throws ErrnoException {
        parent.map(BASE, 256 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, null, 0);
    }

    @Test
    void whatTheParentUsedIsMappedAtOnceAndShared() throws ErrnoException {
        parentGuest.store(BASE, (byte) 7);
        MemoryManager child = fork();

        FakePlatform.Entry entry = entry(child, BASE);
        assertEquals(entry(parent, BASE).offset(), entry.offset());
        assertEquals(1, entry.protection());
        FakePlatform.Guest childGuest = platform.new Guest(child);
        assertEquals(7, childGuest.load(BASE));
        childGuest.store(BASE, (byte) 8);
        assertEquals(7, parentGuest.load(BASE));
        parentGuest.store(BASE, (byte) 9);
        assertEquals(8, childGuest.load(BASE));
        child.close();
    }

    @Test
    void whatWasWrittenAfterAForkIsCopiedByTheNext() throws ErrnoException {
        MemoryManager child = secondFork();

        assertEquals(READ_WRITE, entry(parent, BASE).protection());
        assertEquals(READ_WRITE, entry(child, BASE).protection());
        assertNotEquals(entry(parent, BASE).offset(), entry(child, BASE).offset());
        FakePlatform.Guest childGuest = platform.new Guest(child);
        assertEquals(2, childGuest.load(BASE));
        childGuest.store(BASE, (byte) 3);
        parentGuest.store(BASE + 1, (byte) 4);
        assertEquals(2, parentGuest.load(BASE));
        assertEquals(0, childGuest.load(BASE + 1));
        child.close();
    }

    @Test
    void nothingIsCopiedWhileOtherTasksUseTheMemory() throws ErrnoException {
        parent.retain();
        MemoryManager child = secondFork();

        assertEquals(1, entry(parent, BASE).protection());
        assertEquals(entry(parent, BASE).offset(), entry(child, BASE).offset());
        child.close();
        parent.close();
    }

    @Test
    void whatIsToBeSharedIsNotCopied() throws ErrnoException {
        parent.map(BASE, PAGE, READ_WRITE, dev.caisson.abi.Mman.MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, null, 0);
        MemoryManager child = secondFork();

        FakePlatform.Guest childGuest = platform.new Guest(child);
        childGuest.store(BASE, (byte) 5);
        assertEquals(5, parentGuest.load(BASE));
        child.close();
    }

    @Test
    void manyMappingsAreLeftToThePlatform() throws ErrnoException {
        for (int i = 0; i < 200; i++) { // every second page, so that no two of them are one mapping of the host
            long at = BASE + 0x1000_0000L + 2 * i * PAGE;
            parent.map(at, PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, null, 0);
            parentGuest.store(at, (byte) i);
        }
        int maps = platform.maps;
        MemoryManager child = fork();

        assertEquals(maps, platform.maps);
        assertNotNull(entry(child, BASE + 0x1000_0000L));
        child.close();
    }

    @Test
    void allFramesComeBack() throws ErrnoException {
        MemoryManager child = secondFork();
        platform.new Guest(child).store(BASE, (byte) 1);
        child.close();
        parent.close();
        assertEquals(0, frames.usedBytes());
    }

    private MemoryManager secondFork() throws ErrnoException {
        parentGuest.store(BASE, (byte) 1);
        MemoryManager first = fork();
        parentGuest.store(BASE, (byte) 2);
        first.close();
        return fork();
    }

    private MemoryManager fork() throws ErrnoException {
        assertTrue(parent.space() != null);
        return parent.fork(FakePlatform.idleContext());
    }

    private static FakePlatform.Entry entry(MemoryManager memory, long address) throws ErrnoException {
        return ((FakePlatform.Space) memory.space()).pages.get(address >>> Pages.SHIFT);
    }
}
