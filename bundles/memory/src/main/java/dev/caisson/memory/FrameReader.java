package dev.caisson.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Marks the time during which one thread may use frames it has found (see the package page). Entering nests and is cheap: one
 * fenced store at the outermost level. A thread leaves before it sleeps and before it runs guest code.
 *
 * <p>A reader belongs to its thread; {@link MemoryFile#reader} finds it.
 */
public final class FrameReader {
    private static final int TEXT_BYTES = 256;
    /** Size of {@link #local}. */
    static final int LOCAL_BYTES = 512;

    private final Reclaimer reclaimer;
    private final Thread thread = Thread.currentThread();
    private int depth;
    /** The owner's, for the copy of a short string. */
    private final byte[] text = new byte[TEXT_BYTES];
    /** The owner's, for a structure; null until it is wanted. */
    private MemorySegment local;

    /** Counts the frames that the owner makes be used, besides the memory file; null for nobody. */
    private MemoryAccount account;
    /** Asked when there are none; null for nobody. */
    private MemoryRelief relief;
    /** Who had no room when the owner last wanted frames, in this section; null when there was some. */
    private MemoryAccount refusedBy;
    /** How many it had no room for. */
    private int refusedPages;

    /** The reclaimer's epoch at entry, 0 outside. Written by the owner, read by whoever reclaims. */
    private volatile long epoch;

    FrameReader(Reclaimer reclaimer) {
        this.reclaimer = reclaimer;
    }

    /** Enters a section. */
    public void enter() {
        if (depth++ == 0) {
            epoch = reclaimer.epoch();
        }
    }

    /** Leaves a section. */
    public void leave() {
        if (--depth == 0) {
            refusedBy = null;
            epoch = 0;
        }
    }

    /** Leaves all sections, to sleep. Returns how many there were, for {@link #resume}. */
    public int suspend() {
        int levels = depth;
        if (levels != 0) {
            depth = 0;
            epoch = 0;
        }
        return levels;
    }

    /**
     * Enters as many sections as there were.
     *
     * @param levels result of {@link #suspend}
     */
    public void resume(int levels) {
        if (levels != 0) {
            enter();
            depth = levels;
        }
    }

    /**
     * Says for whom the calling thread, which owns this, takes frames from now on.
     *
     * @param counted counts them; null for nobody but the memory file
     * @param asked makes guests give some up; null for nobody
     */
    public void serve(MemoryAccount counted, MemoryRelief asked) {
        account = counted;
        relief = asked;
    }

    MemoryAccount account() {
        return account;
    }

    void refusedBy(MemoryAccount full, int pages) {
        refusedBy = full;
        refusedPages = pages;
    }

    /** {@return who had no room when the calling thread last wanted frames in this section, null when there was some; says so once} */
    public MemoryAccount takeRefusal() {
        MemoryAccount full = refusedBy;
        refusedBy = null;
        return full;
    }

    /** {@return how many pages the last refusal was about} */
    public int refusedPages() {
        return refusedPages;
    }

    /** Whether it is worth while to try again what has just failed. Without locks of this bundle. */
    boolean relieve(int attempt) {
        MemoryAccount full = takeRefusal();
        return full != null && relief != null && relief.relieve(full, refusedPages, attempt);
    }

    /** Memory of the calling thread, which owns this; every use overwrites the last. */
    byte[] text() {
        return text;
    }

    /** Native memory of the calling thread, which owns this; every use overwrites the last. */
    MemorySegment local() {
        if (local == null) {
            local = Arena.ofAuto().allocate(LOCAL_BYTES, 16);
        }
        return local;
    }

    boolean isOf(Reclaimer other) {
        return reclaimer == other;
    }

    boolean isDead() {
        return !thread.isAlive();
    }

    long activeSince() {
        return epoch;
    }
}
