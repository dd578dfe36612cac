package dev.caisson.platform.kvm;

/**
 * Collects frames whose translations must go, and makes KVM forget them in runs of neighbours. When there are very many runs, forgetting
 * everything is cheaper than a call for each.
 */
final class FrameRuns {
    private static final int PAGE = 4096;
    private static final int MANY_RUNS = 100;

    private final TableMemory tables;
    private final PhysicalFile frames;
    private long start;
    private long bytes;
    private int runs;

    FrameRuns(TableMemory tables, PhysicalFile frames) {
        this.tables = tables;
        this.frames = frames;
    }

    /**
     * Adds a page whose entry has been written.
     *
     * @param offset in the memory file
     */
    void add(long offset) {
        if (bytes != 0 && offset == start + bytes) {
            bytes += PAGE;
            return;
        }
        endRun();
        start = offset;
        bytes = PAGE;
    }

    /** Returns when nobody can use what was added. */
    void flush() {
        endRun();
        if (runs >= MANY_RUNS) {
            tables.forgetAll();
        }
        runs = 0;
    }

    private void endRun() {
        if (bytes != 0) {
            if (runs < MANY_RUNS) {
                frames.forget(start, bytes);
            }
            runs++;
            bytes = 0;
        }
    }
}
