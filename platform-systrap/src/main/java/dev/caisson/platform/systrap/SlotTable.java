package dev.caisson.platform.systrap;

import dev.caisson.abi.Layouts;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Which slot a thread of one process has, by its base of fs, for trampolines. It lies where slot 0 would: guest code can write it, and
 * only confuse itself; what is decided here rests on our own notes. A base that two threads have is in no table.
 *
 * <pre>
 *    0 u64 key[256]    negated base of fs; 1 for none
 * 2048 u64 value[256]  address of the slot
 * </pre>
 *
 * The index is bits 12 to 19 of the base. Guarded by its monitor.
 */
final class SlotTable {
    static final int SHIFT = 12;
    static final int VALUES = 2048;
    private static final int ENTRIES = 256;
    private static final long NONE = 1;

    private final MemorySegment table;
    private final Slot[] owners = new Slot[ENTRIES];
    /** How many slots have a base. */
    private final Map<Long, Integer> users = new HashMap<>();
    private boolean disabled;
    /** Changes when a slot that is in no table might get in. */
    private volatile int generation;

    SlotTable(MemorySegment table) {
        this.table = table;
        reset();
    }

    /** Forgets all, for another guest. */
    synchronized void reset() {
        table.asSlice(0, VALUES + 8L * ENTRIES).fill((byte) 0);
        for (int i = 0; i < ENTRIES; i++) {
            clear(i);
        }
        users.clear();
        disabled = false;
    }

    int generation() {
        return generation;
    }

    /** A slot's thread will run with a base. */
    synchronized void claim(Slot slot, long base) {
        if (base == 0) {
            return;
        }
        int index = index(base);
        int count = users.merge(base, 1, Integer::sum);
        if (count > 1) {
            clear(index); // of whoever has it: worth no search
        } else if (owners[index] == null && !disabled) {
            put(index, slot, base);
        }
    }

    /** As {@link #claim}, for a slot that has the base already: something has changed since. */
    synchronized void claimAgain(Slot slot, long base) {
        int index = index(base);
        if (base != 0 && users.get(base) == 1 && owners[index] == null && !disabled) {
            put(index, slot, base);
        }
    }

    private void put(int index, Slot slot, long base) {
        owners[index] = slot;
        table.set(Layouts.U64, VALUES + 8L * index, slot.address());
        table.set(Layouts.U64, 8L * index, -base);
    }

    /** It will no longer. */
    synchronized void drop(Slot slot, long base) {
        if (base == 0) {
            return;
        }
        users.computeIfPresent(base, (key, count) -> count == 1 ? null : count - 1);
        int index = index(base);
        if (owners[index] == slot) {
            clear(index);
        }
        generation++;
    }

    /** A thread of the process changes its base behind our back. */
    synchronized void disable() {
        disabled = true;
        for (int i = 0; i < ENTRIES; i++) {
            clear(i);
        }
    }

    private void clear(int index) {
        table.set(Layouts.U64, 8L * index, NONE);
        owners[index] = null;
    }

    private static int index(long base) {
        return (int) (base >>> SHIFT) & ENTRIES - 1;
    }
}
