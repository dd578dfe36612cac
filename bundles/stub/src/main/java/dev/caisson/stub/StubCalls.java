package dev.caisson.stub;

import dev.caisson.host.HostBytes;
import java.lang.foreign.MemorySegment;

/** Calls for a stub process to make in one order, as they go to its control page. Not thread-safe. */
public final class StubCalls {
    private static final int WORDS = ControlPages.CALL_BYTES / Long.BYTES;

    private final long[] words = new long[ControlPages.MAX_CALLS * WORDS];
    private int count;

    /** {@return how many there are} */
    public int count() {
        return count;
    }

    /** {@return whether {@link #add} has no room} */
    public boolean isFull() {
        return count == ControlPages.MAX_CALLS;
    }

    /** Forgets all. */
    public void clear() {
        count = 0;
    }

    /**
     * Adds a call.
     *
     * @param number of the call
     * @param a1 first argument
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @param a6 sixth argument
     */
    public void add(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        int at = count++ * WORDS;
        words[at] = number;
        words[at + 1] = a1;
        words[at + 2] = a2;
        words[at + 3] = a3;
        words[at + 4] = a4;
        words[at + 5] = a5;
        words[at + 6] = a6;
        words[at + 7] = StubCode.QUIET;
    }

    /**
     * The number of a call.
     *
     * @param index which
     * @return its number
     */
    public long number(int index) {
        return words[index * WORDS];
    }

    /**
     * An argument of a call.
     *
     * @param index which call
     * @param argument which argument, from 1
     * @return the argument
     */
    public long argument(int index, int argument) {
        return words[index * WORDS + argument];
    }

    void put(MemorySegment page) {
        HostBytes.writeWords(page.address() + ControlPages.CALLS, words, count * WORDS);
    }
}
