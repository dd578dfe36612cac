package dev.caisson.control;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SizeText;

/** Numbers of bytes as people write them. */
public final class Sizes {
    private Sizes() {}

    /**
     * Parses a size.
     *
     * @param text digits, with K, M, G or T for powers of 1024
     * @return bytes
     * @throws IllegalArgumentException when it is no size
     */
    public static long parse(String text) {
        try {
            return SizeText.parse(text, 1, Long.MAX_VALUE);
        } catch (ErrnoException e) {
            throw new IllegalArgumentException("a size is a number of bytes, or one with K, M, G or T, not " + text, e);
        }
    }
}
