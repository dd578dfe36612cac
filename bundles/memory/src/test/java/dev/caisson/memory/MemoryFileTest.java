package dev.caisson.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MemoryFileTest {
    private static final int PAGE = Pages.SIZE;
    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(32L << 20), 0);

    private boolean isZero(long offset, int pages) {
        long length = (long) pages * PAGE;
        return MemorySegment.mismatch(frames.segment(), offset, offset + length, MemorySegment.ofArray(new byte[(int) length]), 0, length) < 0;
    }

    private void fill(long offset, int pages) {
        frames.segment().asSlice(offset, (long) pages * PAGE).fill((byte) 7);
    }

    @Test
    void releasedFramesReadAsZerosWhenTheyAreUsedAgain() throws ErrnoException {
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < 5000; i++) {
            long offset = frames.allocate(16);
            assertTrue(isZero(offset, 16));
            fill(offset, 16);
            seen.add(offset);
            frames.release(offset, 16);
        }
        assertTrue(seen.size() < 200, "frames are used again soon: " + seen.size());
        assertEquals(0, frames.usedBytes());
    }

    @Test
    void aFrameLivesUntilItsLastReferenceGoes() throws ErrnoException {
        long offset = frames.allocate(4);
        fill(offset, 4);
        frames.retain(offset, 2);
        frames.release(offset, 4);
        assertEquals(2L * PAGE, frames.usedBytes());
        for (int i = 0; i < 1000; i++) {
            long other = frames.allocate(1);
            assertFalse(other == offset || other == offset + PAGE, "a referenced frame was handed out");
        }
    }

    @Test
    void aFrameIsNotUsedAgainWhileAReaderMayStillUseIt() throws Exception {
        FrameReader reader = frames.reader();
        reader.enter();
        long offset = frames.allocate(1);
        fill(offset, 1);
        Thread other = new Thread(() -> {
            frames.release(offset, 1);
            for (int i = 0; i < 4000; i++) {
                try {
                    frames.release(frames.allocate(1), 1);
                } catch (ErrnoException e) {
                    throw new AssertionError(e);
                }
            }
            frames.trim();
        });
        other.start();
        other.join();
        assertEquals(0x0707070707070707L, frames.segment().get(Layouts.U64, offset));
        reader.leave();
        frames.trim();
        assertEquals(0, frames.segment().get(Layouts.U64, offset));
    }

    @Test
    void aSectionThatWasSuspendedDoesNotHoldFrames() throws ErrnoException {
        FrameReader reader = frames.reader();
        reader.enter();
        reader.enter();
        long offset = frames.allocate(1);
        fill(offset, 1);
        frames.release(offset, 1);
        int levels = reader.suspend();
        assertEquals(2, levels);
        frames.trim();
        assertEquals(0, frames.segment().get(Layouts.U64, offset));
        reader.resume(levels);
        reader.leave();
        reader.leave();
    }

    @Test
    void theLimitIsEnomemAndCountsWhatIsUsed() throws ErrnoException {
        frames.limitBytes(10L * PAGE);
        long offset = frames.allocate(8);
        ErrnoException e = assertThrows(ErrnoException.class, () -> frames.allocate(3));
        assertSame(Errno.ENOMEM, e.errno());
        frames.allocate(2);
        frames.release(offset, 8);
        frames.allocate(8);
        assertEquals(10L * PAGE, frames.usedBytes());
    }

    @Test
    void reservedRunsCostNothingUntilTheyAreCharged() throws ErrnoException {
        frames.limitBytes(4L * PAGE);
        long offset = frames.reserve(512);
        assertEquals(0, frames.usedBytes());
        frames.charge(offset, 3);
        assertThrows(ErrnoException.class, () -> frames.charge(offset + 3L * PAGE, 2));
        frames.release(offset, 512, 3);
        assertEquals(0, frames.usedBytes());
    }

    @Test
    void runsNeverOverlap() throws ErrnoException {
        Random random = new Random(5);
        List<long[]> live = new ArrayList<>();
        Set<Long> taken = new HashSet<>();
        for (int step = 0; step < 3000; step++) {
            if (random.nextBoolean() || live.isEmpty()) {
                int pages = 1 + random.nextInt(40);
                long offset = frames.allocate(pages);
                for (int i = 0; i < pages; i++) {
                    assertTrue(taken.add(offset + (long) i * PAGE), "handed out twice");
                }
                live.add(new long[] {offset, pages});
            } else {
                long[] run = live.remove(random.nextInt(live.size()));
                for (int i = 0; i < run[1]; i++) {
                    taken.remove(run[0] + (long) i * PAGE);
                }
                frames.release(run[0], (int) run[1]);
            }
            if (live.size() > 60) {
                live.forEach(r -> frames.release(r[0], (int) r[1]));
                live.clear();
                taken.clear();
            }
        }
    }

    @Test
    void frameZeroIsNeverHandedOut() throws ErrnoException {
        for (int i = 0; i < 2000; i++) {
            assertNotEquals(0, frames.allocate(1));
        }
    }

    @Test
    void releasingTooOftenIsNoticed() throws ErrnoException {
        long offset = frames.allocate(1);
        frames.release(offset, 1);
        assertThrows(IllegalStateException.class, () -> frames.release(offset, 1));
    }
}
