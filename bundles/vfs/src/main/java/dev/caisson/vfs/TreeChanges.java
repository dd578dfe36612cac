package dev.caisson.vfs;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts what changes where ".." leads to: renames in cached trees, and mounts that come and go. A walk that must stay below a directory
 * may not rely on ".." after such a change: the directory where it is may have been moved out meanwhile. One count serves all trees,
 * as Linux's rename_lock and mount_lock do (fs/namei.c, handle_dots).
 */
final class TreeChanges {
    private static final AtomicInteger BEGUN = new AtomicInteger();
    private static final AtomicInteger ENDED = new AtomicInteger();

    private TreeChanges() {}

    /** A change is about to be made; {@link #end} follows, whatever comes between. */
    static void begin() {
        BEGUN.incrementAndGet();
    }

    /** The change has been made. */
    static void end() {
        ENDED.incrementAndGet();
    }

    /** {@return what {@link #hasHappenedSince} compares with; in the midst of a change one that is always out of date} */
    static int stamp() {
        int ended = ENDED.get(); // first: equal numbers then mean that nothing was in between
        int begun = BEGUN.get();
        return begun == ended ? begun : begun - 1;
    }

    /**
     * Whether the tree may have changed.
     *
     * @param stamp of {@link #stamp}
     * @return whether a change has begun since then, or was going on then
     */
    static boolean hasHappenedSince(int stamp) {
        return BEGUN.get() != stamp;
    }
}
