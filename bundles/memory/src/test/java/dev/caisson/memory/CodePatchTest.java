package dev.caisson.memory;

import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_FIXED;
import static dev.caisson.abi.Mman.MAP_PRIVATE;
import static dev.caisson.abi.Mman.PROT_EXEC;
import static dev.caisson.abi.Mman.PROT_READ;
import static dev.caisson.abi.Mman.PROT_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Code that the platform changes in a guest's memory. */
class CodePatchTest {
    private static final long BASE = 0x20_0000_0000L;
    private static final long IN_ONE_WORD = BASE + 0x100;
    private static final long OVER_AN_EDGE = BASE + 0x106;
    private static final byte[] OLD = {1, 2, 3, 4};
    private static final byte[] NEW = {5, 6, 7, 8};

    private final FakePlatform platform = new FakePlatform();
    private final MemoryManager memory = new MemoryManager(new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0), platform);
    private final FakePlatform.Guest guest = platform.new Guest(memory);
    private FakePlatform.Space space;

    @BeforeEach
    void makeCode() throws ErrnoException {
        space = (FakePlatform.Space) memory.space();
        memory.map(BASE, Pages.SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, null, 0);
        for (long place : new long[] {IN_ONE_WORD, OVER_AN_EDGE}) {
            for (int i = 0; i < OLD.length; i++) {
                assertEquals(0, guest.store(place + i, OLD[i]));
            }
        }
        memory.protect(BASE, Pages.SIZE, PROT_READ | PROT_EXEC);
    }

    @Test
    void whoIsAloneChangesCodeAnywhere() {
        assertTrue(space.patcher.replace(OVER_AN_EDGE, OLD, NEW));
        assertTrue(space.patcher.holds(OVER_AN_EDGE, NEW));
        assertFalse(space.patcher.replace(OVER_AN_EDGE, OLD, NEW), "it is something else now");
    }

    @Test
    void besideOthersCodeIsChangedInOneWordOnlyButSeenAnywhere() {
        memory.retain();
        assertTrue(space.patcher.replace(IN_ONE_WORD, OLD, NEW));
        assertFalse(space.patcher.replaceAlone(IN_ONE_WORD, NEW, OLD));
        assertFalse(space.patcher.replace(OVER_AN_EDGE, OLD, NEW));
        assertTrue(space.patcher.holds(OVER_AN_EDGE, OLD));
        assertFalse(space.patcher.holds(OVER_AN_EDGE, NEW));
    }

    @Test
    void allIsUndoneWhenThePlatformGoesSinceNobodyRunsThen() throws ErrnoException {
        assertTrue(space.patcher.replace(OVER_AN_EDGE, OLD, NEW));
        memory.retain();
        boolean[] isUndone = new boolean[1];
        space.onRestore = () -> isUndone[0] = space.patcher.replace(OVER_AN_EDGE, NEW, OLD);
        memory.switchPlatform(new FakePlatform());
        assertTrue(isUndone[0]);
        assertEquals(OLD[0], guest.load(OVER_AN_EDGE));
        assertFalse(space.patcher.replace(OVER_AN_EDGE, OLD, NEW), "they run again");
    }

    @Test
    void codeThatTheGuestCanWriteIsItsOwn() throws ErrnoException {
        memory.protect(BASE, Pages.SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
        assertFalse(space.patcher.holds(IN_ONE_WORD, OLD));
        assertFalse(space.patcher.replace(IN_ONE_WORD, OLD, NEW));
    }
}
