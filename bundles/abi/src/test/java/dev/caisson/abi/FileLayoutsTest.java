package dev.caisson.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Structures about files, byte by byte: {@code file-layouts.txt} holds what a C compiler on amd64 makes of the same values, given as
 * 1, 2, 3 in the order of the javadoc.
 */
class FileLayoutsTest {
    private static final Map<String, String> GOLDEN = golden();

    private static Map<String, String> golden() {
        Map<String, String> lines = new HashMap<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                FileLayoutsTest.class.getResourceAsStream("file-layouts.txt"), StandardCharsets.US_ASCII))) {
            reader.lines().forEach(line -> lines.put(line.split(" ")[0], line.split(" ")[1]));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return lines;
    }

    private static MemorySegment room(int bytes) {
        return Arena.ofAuto().allocate(bytes, 8);
    }

    private static void assertLayout(String name, MemorySegment segment) {
        assertEquals(GOLDEN.get(name), HexFormat.of().formatHex(segment.toArray(ValueLayout.JAVA_BYTE)));
    }

    private static <T> void assertLayout(String name, StructCodec<T> codec, T value) {
        MemorySegment segment = room(codec.sizeBytes());
        codec.write(segment, 0, value);
        assertLayout(name, segment);
        assertEquals(value, codec.read(segment, 0));
    }

    private static long time(long seconds, long nanoseconds) {
        return seconds * 1_000_000_000 + nanoseconds;
    }

    @Test
    void stat() {
        long[] words = new long[StatLayout.WORDS];
        Arrays.fill(words, -1); // the scratch memory is never clean
        StatLayout.writeFile(words, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        StatLayout.writeTimes(words, time(11, 12), time(13, 14), time(15, 16));
        assertLayout("stat", MemorySegment.ofArray(words));
    }

    @Test
    void statx() {
        long[] words = new long[StatxLayout.WORDS];
        Arrays.fill(words, -1);
        StatxLayout.writeHead(words, 1, 2, 3, 11, 24);
        StatxLayout.writeFile(words, 4, 5, 6, 7, 8, 9, 10);
        StatxLayout.writeTimes(words, time(12, 13), time(14, 15), time(16, 17), time(18, 19));
        StatxLayout.writeDevices(words, 20, 21, 22, 23);
        assertLayout("statx", MemorySegment.ofArray(words));
    }

    @Test
    void timesBeforeTheEpochHavePositiveNanoseconds() {
        long[] words = new long[StatLayout.WORDS];
        StatLayout.writeTimes(words, -1, 0, 0);
        assertEquals(-1, words[9]);
        assertEquals(999_999_999, words[10]);
    }

    @Test
    void statfs() {
        assertLayout("statfs", StatfsValue.CODEC, new StatfsValue(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    }

    @Test
    void flock() {
        assertLayout("flock", FileLock.CODEC, new FileLock(1, 2, 3, 4, 5));
    }

    @Test
    void openHow() {
        assertLayout("open_how", OpenHow.CODEC, new OpenHow(1, 2, 3));
    }
}
