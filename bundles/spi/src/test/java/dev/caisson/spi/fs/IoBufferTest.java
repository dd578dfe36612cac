package dev.caisson.spi.fs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class IoBufferTest {
    private static final long ALL = Long.MAX_VALUE;

    private final List<Long> steps = new ArrayList<>();

    /** Runs of a given size; a negative one cannot be reached. */
    private static final class Runs implements IoBuffer {
        private final int[] sizes;
        private int current;
        private long used;

        Runs(int... sizes) {
            this.sizes = sizes;
        }

        @Override
        public long remaining() {
            long sum = -used;
            for (int i = current; i < sizes.length; i++) {
                sum += Math.abs(sizes[i]);
            }
            return sum;
        }

        @Override
        public MemorySegment run() throws ErrnoException {
            if (sizes[current] < 0) {
                throw Errno.EFAULT.error();
            }
            return Arena.ofAuto().allocate(sizes[current] - used);
        }

        @Override
        public void advance(long lengthBytes) {
            used += lengthBytes;
            if (used == sizes[current]) {
                current++;
                used = 0;
            }
        }
    }

    /** Moves what it is given, up to a total. */
    private IoBuffer.Mover upTo(long total, long thenResult) {
        return (run, bytes, done) -> {
            steps.add(bytes);
            return done == total ? thenResult : Math.min(bytes, total - done);
        };
    }

    @Test
    void allRunsAreMovedInTheirOrder() throws ErrnoException {
        assertEquals(60, new Runs(10, 20, 30).transfer(ALL, upTo(100, 0)));
        assertEquals(List.of(10L, 20L, 30L), steps);
    }

    @Test
    void aStepIsNeverLargerThanWanted() throws ErrnoException {
        assertEquals(25, new Runs(25).transfer(10, upTo(100, 0)));
        assertEquals(List.of(10L, 10L, 5L), steps);
    }

    @Test
    void aShortStepEndsTheTransfer() throws ErrnoException {
        assertEquals(15, new Runs(10, 20, 30).transfer(ALL, upTo(15, 0)));
        assertEquals(List.of(10L, 20L), steps);
    }

    @Test
    void anErrorAfterSomethingWasMovedIsAShortCount() throws ErrnoException {
        assertEquals(10, new Runs(10, 20).transfer(ALL, upTo(10, -Errno.EIO.number())));
        assertEquals(10, new Runs(10, 20).transfer(ALL, upTo(10, OpenFile.WOULD_BLOCK)));
        assertEquals(10, new Runs(10, -20).transfer(ALL, upTo(100, 0)));
    }

    @Test
    void anErrorAtFirstIsTheResult() throws ErrnoException {
        assertEquals(0, new Runs(10).transfer(ALL, upTo(0, 0)));
        assertEquals(OpenFile.WOULD_BLOCK, new Runs(10).transfer(ALL, upTo(0, OpenFile.WOULD_BLOCK)));
        assertSame(Errno.EIO, assertThrows(ErrnoException.class, () -> new Runs(10).transfer(ALL, upTo(0, -Errno.EIO.number()))).errno());
        assertSame(Errno.EFAULT, assertThrows(ErrnoException.class, () -> new Runs(-10).transfer(ALL, upTo(100, 0))).errno());
    }
}
