package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.ErrnoException;
import dev.caisson.testing.kit.Bytes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

final class EventFileTest {
    private static long read(EventFile file) throws ErrnoException {
        Bytes room = Bytes.room(8);
        long result = file.read(room.buffer(), -1);
        return result == 8 ? MemorySegment.ofArray(room.first(8)).get(ValueLayout.JAVA_LONG_UNALIGNED, 0) : result;
    }

    private static long write(EventFile file, long value) throws ErrnoException {
        byte[] bytes = new byte[8];
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
        return file.write(Bytes.of(bytes), -1);
    }

    @Test
    void aReadTakesTheWholeCount() throws ErrnoException {
        EventFile file = new EventFile(3, false);
        write(file, 4);
        assertEquals(7, read(file));
        assertEquals(WOULD_BLOCK, read(file));
    }

    @Test
    void aSemaphoreGivesOneAtATime() throws ErrnoException {
        EventFile file = new EventFile(2, true);
        assertEquals(1, read(file));
        assertEquals(1, read(file));
        assertEquals(WOULD_BLOCK, read(file));
    }

    @Test
    void theCountStopsBelowItsMaximum() throws ErrnoException {
        EventFile file = new EventFile(0, false);
        assertEquals(8, write(file, -2));
        assertEquals(WOULD_BLOCK, write(file, 1));
        assertEquals(POLLIN, file.readiness(POLLIN | POLLOUT));
        assertEquals(EINVAL, assertThrows(ErrnoException.class, () -> write(file, -1)).errno());
        assertEquals(-2, read(file));
        assertEquals(POLLOUT, file.readiness(POLLIN | POLLOUT));
    }

    @Test
    void shortBuffersAreRefused() {
        EventFile file = new EventFile(1, false);
        assertEquals(EINVAL, assertThrows(ErrnoException.class, () -> file.read(Bytes.room(7).buffer(), -1)).errno());
        assertEquals(EINVAL, assertThrows(ErrnoException.class, () -> file.write(Bytes.zeros(7), -1)).errno());
    }
}
