package dev.caisson.platform.systrap;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** What the auxiliary vector says of FSGSBASE. */
class SegmentBasesTest {
    @Test
    void bitOneOfTheSecondCapabilitiesSaysThatTheyAreWritable() {
        assertTrue(SegmentBases.areWritable(vector(6, 4096, 26, 2, 0, 0)));
        assertTrue(SegmentBases.areWritable(vector(26, 3)));
    }

    @Test
    void olderHostsDoNotSaySo() {
        assertFalse(SegmentBases.areWritable(vector(6, 4096, 26, 1, 0, 0)));
        assertFalse(SegmentBases.areWritable(vector(6, 4096, 0, 0)));
        assertFalse(SegmentBases.areWritable(new byte[11]));
    }

    @Test
    void aHostThatRunsTheseTestsHasThem() {
        assertDoesNotThrow(SegmentBases::require);
    }

    private static byte[] vector(long... words) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long word : words) {
            bytes.putLong(word);
        }
        return bytes.array();
    }
}
