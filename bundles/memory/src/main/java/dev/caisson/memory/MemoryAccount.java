package dev.caisson.memory;

/**
 * Counts the frames that some guests use together, against a limit of their own, which is below that of the {@link MemoryFile}: what a memory control
 * group is in Linux. A frame counts for whoever had it first, until nobody has it.
 *
 * <p>Numbers are exact under the lock of the frames; others may read them at any time, as of a moment ago.
 */
public final class MemoryAccount {
    static final int UNLIMITED = Integer.MAX_VALUE;

    /** Names it in {@link FrameCounts}; 0 for the account of the whole file, which owns no frames. */
    final int number;
    private volatile long limitPages = UNLIMITED;
    private volatile long lentPages;
    private long usedPages;
    private long peakPages;
    private long refusals;
    /** Nobody adds frames any more; the number is free when the last one is. */
    private boolean isClosed;

    MemoryAccount(int number) {
        this.number = number;
    }

    /** {@return the most that may be in use; a very large number for no limit} */
    public long limitBytes() {
        return limitPages << Pages.SHIFT;
    }

    /** {@return the most that may be in use} */
    public long limitPages() {
        return limitPages;
    }

    /**
     * Changes the limit; what is in use beyond it stays.
     *
     * @param bytes the most that may be in use, or 0 for no limit
     */
    public void limitBytes(long bytes) {
        limitPages(bytes <= 0 ? UNLIMITED : Math.min(bytes >>> Pages.SHIFT, UNLIMITED));
    }

    void limitPages(long pages) {
        limitPages = pages;
    }

    /** {@return whether there is a limit} */
    public boolean isLimited() {
        return limitPages != UNLIMITED;
    }

    /**
     * Lets it go beyond its limit by what dying guests are about to give back.
     *
     * @param pages so far; 0 for not at all
     */
    public void lend(long pages) {
        lentPages = pages;
    }

    /** {@return by how much it may go beyond its limit} */
    public long lentPages() {
        return lentPages;
    }

    /** {@return bytes in use} */
    public long usedBytes() {
        return usedPages << Pages.SHIFT;
    }

    /** {@return the most bytes that were ever in use} */
    public long peakBytes() {
        return peakPages << Pages.SHIFT;
    }

    /** {@return how often there was no room, with all caches dropped} */
    public long refusals() {
        return refusals;
    }

    // ---- under the lock of the frames

    boolean hasRoomLocked(int pages) {
        return usedPages + pages <= limitPages + lentPages;
    }

    void addLocked(long pages) {
        usedPages += pages;
        if (usedPages > peakPages) {
            peakPages = usedPages;
        }
    }

    void refusedLocked() {
        refusals++;
    }

    void closeLocked() {
        isClosed = true;
    }

    boolean isFreeLocked() {
        return isClosed && usedPages == 0;
    }
}
