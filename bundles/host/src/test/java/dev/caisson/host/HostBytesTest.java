package dev.caisson.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class HostBytesTest {
    private final MemorySegment memory = Arena.ofAuto().allocate(64, 8);
    private final long address = memory.address();

    @Test
    void bytesGoThereAndBack() {
        HostBytes.write(address + 3, new byte[] {1, 2, 3, 4, 5}, 1, 3);
        byte[] read = new byte[6];
        HostBytes.read(address + 2, read, 1, 4);
        assertArrayEquals(new byte[] {0, 0, 2, 3, 4, 0}, read);
    }

    @Test
    void wordsAreInTheProcessorsOrder() {
        HostBytes.writeWords(address, new long[] {0x0102030405060708L, -1}, 1);
        assertEquals(8, memory.get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(0, memory.get(ValueLayout.JAVA_LONG, 8));
        long[] words = new long[3];
        HostBytes.readWords(address, words, 2);
        assertArrayEquals(new long[] {0x0102030405060708L, 0, 0}, words);
    }

    @Test
    void memoryIsCopied() {
        HostBytes.writeWords(address, new long[] {5, 6}, 2);
        HostBytes.copy(address + 32, address, 16);
        assertEquals(6, memory.get(ValueLayout.JAVA_LONG, 40));
    }

    @Test
    void anArrayIsNotLeft() {
        assertThrows(IndexOutOfBoundsException.class, () -> HostBytes.read(address, new byte[4], 1, 4));
        assertThrows(IndexOutOfBoundsException.class, () -> HostBytes.write(address, new byte[4], -1, 4));
        assertThrows(IndexOutOfBoundsException.class, () -> HostBytes.readWords(address, new long[1], 2));
        assertThrows(IndexOutOfBoundsException.class, () -> HostBytes.writeWords(address, new long[1], 2));
    }

    @Test
    void pathNamesEndWithZeroAndBytesStayThemselves() {
        String path = "d\u00e9j\u00e0/\u00ff";
        long at = Scratch.mine().path(path);
        byte[] bytes = new byte[8];
        HostBytes.read(at, bytes, 0, 8);
        assertArrayEquals(new byte[] {'d', (byte) 0xe9, 'j', (byte) 0xe0, '/', (byte) 0xff, 0}, Arrays.copyOf(bytes, 7));
        assertEquals(0, Scratch.mine().path("a\0b"));
        assertEquals(0, Scratch.mine().path("x".repeat(4096)));
    }
}
