package dev.caisson.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What memory stores in steps of many pages is what it would store byte by byte. */
class AnonymousMemoryTest {
    private static final int MOST_BYTES = 3 << 20;

    /** Counts pages, and has only so many. */
    private static final class Room implements PageBudget {
        private final long most;
        private long taken;

        Room(long most) {
            this.most = most;
        }

        @Override
        public boolean take(long pages) {
            if (taken + pages > most) {
                return false;
            }
            taken += pages;
            return true;
        }

        @Override
        public void give(long pages) {
            taken -= pages;
        }
    }

    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private final MemorySegment transfer = Arena.ofAuto().allocate(MOST_BYTES, 8);

    private long write(AnonymousMemory memory, byte[] bytes, int length, long position) throws ErrnoException {
        MemorySegment.copy(bytes, 0, transfer, ValueLayout.JAVA_BYTE, 0, length);
        return memory.write(IoBuffer.of(transfer.asSlice(0, length)), position);
    }

    private byte[] read(AnonymousMemory memory, long position, int length) throws ErrnoException {
        long count = memory.read(IoBuffer.of(transfer.asSlice(0, length)), position);
        byte[] bytes = new byte[(int) count];
        MemorySegment.copy(transfer, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
        return bytes;
    }

    @Test
    void anyWritesHolesAndSizesLeaveTheBytesTheyShould() throws ErrnoException {
        Random random = new Random(11);
        Room room = new Room(Long.MAX_VALUE);
        AnonymousMemory memory = new AnonymousMemory(frames, room, null);
        byte[] model = new byte[MOST_BYTES];
        byte[] bytes = new byte[MOST_BYTES];
        int size = 0;
        for (int i = 0; i < 600; i++) {
            int position = random.nextInt(MOST_BYTES / 2);
            int length = 1 + (random.nextBoolean() ? random.nextInt(20_000) : random.nextInt(MOST_BYTES / 2));
            if (random.nextBoolean()) {
                position &= -4096;
            }
            switch (random.nextInt(8)) {
                case 0 -> {
                    memory.punchHole(position, length);
                    Arrays.fill(model, position, Math.max(position, Math.min(size, position + length)), (byte) 0);
                }
                case 1 -> {
                    memory.resize(position);
                    Arrays.fill(model, Math.min(position, size), MOST_BYTES, (byte) 0);
                    size = position;
                }
                default -> {
                    random.nextBytes(bytes);
                    assertEquals(length, write(memory, bytes, length, position));
                    System.arraycopy(bytes, 0, model, position, length);
                    size = Math.max(size, position + length);
                }
            }
            assertEquals(size, memory.sizeBytes());
            if (i % 10 == 9) {
                assertTrue(Arrays.equals(model, 0, size, read(memory, 0, MOST_BYTES), 0, size), "after step " + i);
            }
            assertEquals(memory.allocatedPages(), room.taken);
        }
        memory.resize(0);
        assertEquals(0, room.taken);
        assertEquals(0, frames.usedBytes());
    }

    @Test
    void aWriteBeyondTheBudgetIsShortAndTheNextOneFails() throws ErrnoException {
        Room room = new Room(10);
        AnonymousMemory memory = new AnonymousMemory(frames, room, null);
        byte[] bytes = new byte[1 << 20];
        new Random(3).nextBytes(bytes);
        assertEquals(10 * 4096, write(memory, bytes, 1 << 20, 0));
        assertEquals(10 * 4096, memory.sizeBytes());
        ErrnoException full = assertThrows(ErrnoException.class, () -> write(memory, bytes, 5000, 10 * 4096));
        assertEquals(Errno.ENOSPC, full.errno());
        assertEquals(5000, write(memory, bytes, 5000, 100), "what is there can be written again");
        byte[] now = read(memory, 100, 5000);
        assertTrue(Arrays.equals(bytes, 0, 5000, now, 0, 5000));
        assertFalse(frames.usedBytes() > 10 * 4096);
    }

    @Test
    void aWriteBeyondTheMemoryLimitIsShortAndTheNextOneFails() throws ErrnoException {
        MemoryFile small = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 7 * 4096);
        AnonymousMemory memory = new AnonymousMemory(small, PageBudget.UNLIMITED, null);
        byte[] bytes = new byte[1 << 20];
        assertEquals(7 * 4096, write(memory, bytes, 1 << 20, 0));
        ErrnoException full = assertThrows(ErrnoException.class, () -> write(memory, bytes, 1, 7 * 4096));
        assertEquals(Errno.ENOMEM, full.errno());
    }
}
