package dev.caisson.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Frames are counted for whom they were taken, and a limit of some is no limit of others. */
final class MemoryAccountTest {
    private static final int PAGE = 4096;
    private static final int MOST = 255;

    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0);
    private final FrameReader reader = frames.reader();

    @AfterEach
    void close() {
        reader.serve(null, null);
        frames.close();
    }

    private MemoryAccount serve() {
        MemoryAccount account = frames.newAccount();
        reader.serve(account, null);
        return account;
    }

    @Test
    void framesCountForWhoTookThemWhoeverReleasesThem() throws ErrnoException {
        MemoryAccount first = serve();
        long mine = frames.allocate(8);
        MemoryAccount second = serve();
        long theirs = frames.allocateUnzeroed(3);
        frames.retain(mine, 8);
        assertEquals(8L * PAGE, first.usedBytes());
        assertEquals(3L * PAGE, second.usedBytes());
        frames.release(mine, 8);
        assertEquals(8L * PAGE, first.usedBytes(), "somebody still has them");
        frames.release(mine, 8);
        frames.release(theirs, 3);
        assertEquals(0, first.usedBytes());
        assertEquals(8L * PAGE, first.peakBytes());
        assertEquals(0, second.usedBytes());
        assertEquals(0, frames.usedBytes());
    }

    @Test
    void aRefusalSaysHowManyWereWantedAndWhetherTheyFitNow() throws ErrnoException {
        MemoryAccount account = serve();
        account.limitBytes(4 * PAGE);
        long mine = frames.allocate(2);
        ErrnoException refused = assertThrows(ErrnoException.class, () -> frames.allocate(3));
        assertEquals(Errno.ENOMEM, refused.errno());
        assertEquals(3, reader.refusedPages());
        assertSame(account, reader.takeRefusal());
        assertFalse(frames.hasRoom(account, 3));
        assertTrue(frames.hasRoom(account, 2));
        frames.release(mine, 2);
        assertTrue(frames.hasRoom(account, 3));
        account.lend(1);
        assertTrue(frames.hasRoom(account, 5));
        assertFalse(frames.hasRoom(account, 6));
    }

    @Test
    void reservedFramesCountFromTheirChargeOn() throws ErrnoException {
        MemoryAccount account = serve();
        long run = frames.reserve(16);
        assertEquals(0, account.usedBytes());
        frames.charge(run + 2L * PAGE, 4);
        frames.charge(run + 9L * PAGE, 1);
        assertEquals(5L * PAGE, account.usedBytes());
        frames.uncharge(run + 9L * PAGE, 1);
        assertEquals(4L * PAGE, account.usedBytes());
        reader.serve(null, null);
        frames.charge(run, 1);
        assertEquals(4L * PAGE, account.usedBytes());
        frames.release(run, 16, 5);
        assertEquals(0, account.usedBytes());
        assertEquals(0, frames.usedBytes());
    }

    @Test
    void whoHasNoRoomIsToldOnce() throws ErrnoException {
        reader.enter();
        MemoryAccount account = serve();
        account.limitBytes(4L * PAGE);
        frames.allocate(4);
        assertSame(Errno.ENOMEM, assertThrows(ErrnoException.class, () -> frames.allocate(1)).errno());
        assertSame(account, reader.takeRefusal());
        assertNull(reader.takeRefusal());
        assertEquals(1, account.refusals());
        reader.serve(null, null);
        frames.limitBytes(6L * PAGE);
        frames.allocate(2);
        assertThrows(ErrnoException.class, () -> frames.allocate(1));
        assertSame(frames.wholeAccount(), reader.takeRefusal());
        assertThrows(ErrnoException.class, () -> frames.allocate(1));
        reader.leave();
        assertNull(reader.takeRefusal(), "a refusal is forgotten with the system call that it was of");
    }

    @Test
    void whatIsLentMayBeUsedBeyondTheLimit() throws ErrnoException {
        MemoryAccount account = serve();
        account.limitBytes(4L * PAGE);
        account.lend(2);
        frames.allocate(6);
        account.lend(0);
        assertThrows(ErrnoException.class, () -> frames.allocate(1));
        assertEquals(6L * PAGE, account.usedBytes());
    }

    @Test
    void aClosedAccountIsUsedAgainWhenNothingIsCountedForIt() throws ErrnoException {
        MemoryAccount first = serve();
        long run = frames.allocate(1);
        List<MemoryAccount> others = new ArrayList<>();
        for (int i = 1; i < MOST; i++) {
            others.add(frames.newAccount());
        }
        assertNotNull(others.getLast());
        assertNull(frames.newAccount());
        frames.closeAccount(first);
        assertNull(frames.newAccount());
        frames.release(run, 1);
        MemoryAccount next = frames.newAccount();
        assertNotSame(first, next);
        assertEquals(first.number, next.number);
        reader.serve(next, null);
        frames.release(frames.allocate(2), 2);
        assertEquals(0, next.usedBytes());
    }

    @Test
    void whatOnlyCachesHaveOfAClosedAccountIsDroppedForANewOne() throws ErrnoException {
        MemoryAccount first = serve();
        long cached = frames.allocate(1);
        frames.onPressure(() -> frames.release(cached, 1));
        for (int i = 1; i < MOST; i++) {
            assertNotNull(frames.newAccount());
        }
        frames.closeAccount(first);
        assertEquals(first.number, frames.newAccount().number);
    }
}
