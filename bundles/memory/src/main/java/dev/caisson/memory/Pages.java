package dev.caisson.memory;

/** Page arithmetic. Pages and frames are 4096 bytes. */
public final class Pages {
    /** Bytes of a page. */
    public static final int SIZE = 4096;
    /** Binary logarithm of {@link #SIZE}. */
    public static final int SHIFT = 12;
    /** Mask of the offset in a page. */
    public static final long MASK = SIZE - 1;

    private Pages() {}

    /**
     * Rounds down to a page boundary.
     *
     * @param value address or length
     * @return the boundary at or below
     */
    public static long down(long value) {
        return value & ~MASK;
    }

    /**
     * Rounds up to a page boundary; wraps to 0 as Linux's PAGE_ALIGN does.
     *
     * @param value address or length
     * @return the boundary at or above
     */
    public static long up(long value) {
        return value + MASK & ~MASK;
    }

    /**
     * Whether a value is a page boundary.
     *
     * @param value address or length
     * @return whether it is
     */
    public static boolean isAligned(long value) {
        return (value & MASK) == 0;
    }
}
