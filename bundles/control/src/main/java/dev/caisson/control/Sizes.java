package dev.caisson.control;

import java.util.Locale;

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
        String upper = text.toUpperCase(Locale.ROOT);
        int shift = switch (upper.isEmpty() ? '?' : upper.charAt(upper.length() - 1)) {
            case 'K' -> 10;
            case 'M' -> 20;
            case 'G' -> 30;
            case 'T' -> 40;
            default -> 0;
        };
        try {
            long number = Long.parseLong(shift == 0 ? upper : upper.substring(0, upper.length() - 1));
            if (number <= 0 || number > Long.MAX_VALUE >> shift) {
                throw new NumberFormatException();
            }
            return number << shift;
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("a size is a number of bytes, or one with K, M, G or T, not " + text, e);
        }
    }
}
