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
    private final MemorySegment textSegment = MemorySegment.ofArray(text);
    /** The owner's, for a structure; null until it is wanted. */
    private MemorySegment local;

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

    /** Memory of the calling thread, which owns this; every use overwrites the last. */
    byte[] text() {
        return text;
    }

    /** {@return the memory of {@link #text}} */
    MemorySegment textSegment() {
        return textSegment;
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
