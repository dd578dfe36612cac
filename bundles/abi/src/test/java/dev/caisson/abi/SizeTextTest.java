package dev.caisson.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullAndEmptySource;
import org.junit.jupiter.params.provider.ValueSource;

class SizeTextTest {
    @Test
    void unitsMultiply() throws ErrnoException {
        assertEquals(0, SizeText.parse("0", 0, Long.MAX_VALUE));
        assertEquals(512, SizeText.parse("512", 0, Long.MAX_VALUE));
        assertEquals(3L << 10, SizeText.parse("3k", 0, Long.MAX_VALUE));
        assertEquals(3L << 20, SizeText.parse("3M", 0, Long.MAX_VALUE));
        assertEquals(3L << 30, SizeText.parse("3g", 0, Long.MAX_VALUE));
        assertEquals(3L << 40, SizeText.parse("3T", 0, Long.MAX_VALUE));
        assertEquals(3L << 50, SizeText.parse("3p", 0, Long.MAX_VALUE));
        assertEquals(3L << 60, SizeText.parse("3E", 0, Long.MAX_VALUE));
        assertEquals(Long.MAX_VALUE, SizeText.parse("9223372036854775807", 0, Long.MAX_VALUE));
    }

    @ParameterizedTest
    @NullAndEmptySource
    @ValueSource(strings = {"k", "x", "1x", "1kk", "k1", "-1", "1 k", "0x10", "9223372036854775808", "8e", "9007199254740992k"})
    void whatIsNoNumberIsRefused(String text) {
        assertSame(Errno.EINVAL, assertThrows(ErrnoException.class, () -> SizeText.parse(text, 0, Long.MAX_VALUE)).errno());
    }

    @Test
    void boundsHoldForTheProduct() throws ErrnoException {
        assertEquals(1L << 40, SizeText.parse("1024g", 1, 1L << 40));
        assertThrows(ErrnoException.class, () -> SizeText.parse("1025g", 1, 1L << 40));
        assertThrows(ErrnoException.class, () -> SizeText.parse("0k", 1, 1L << 40));
    }
}
