package dev.caisson.platform.systrap;

import dev.caisson.spi.platform.Registers;

/**
 * The bases of fs and gs that a stub thread has; and the base of fs under which its slot is noted in the process's {@link SlotTable}, by
 * which trampolines tell the process's threads apart. Belongs to the task's thread.
 */
final class ThreadBases {
    private long fs;
    private long gs;
    private boolean known;
    /** The base of fs under which the slot is noted, and the table's generation then; 0 for none. */
    private long claimed;
    private int generation;

    /** {@return whether the thread has other bases than the guest shall have: it is to load these} */
    boolean replace(Registers registers) {
        if (known && registers.fsBase() == fs && registers.gsBase() == gs) {
            return false;
        }
        known = true;
        fs = registers.fsBase();
        gs = registers.gsBase();
        return true;
    }

    /** Nobody knows what the thread has. */
    void forget() {
        known = false;
    }

    /** The guest has run, and has these. */
    void seen(Registers registers, SlotTable table) {
        if (registers.fsBase() != fs) {
            table.disable(); // the guest does it itself: bases no longer tell its threads apart
            fs = registers.fsBase();
        }
        gs = registers.gsBase();
    }

    /** Notes the slot under the thread's base, before the guest runs. */
    void claim(SlotTable table, Slot slot) {
        if (fs == claimed && generation == table.generation()) {
            return;
        }
        generation = table.generation();
        if (fs == claimed) {
            table.claimAgain(slot, fs);
        } else {
            table.drop(slot, claimed);
            table.claim(slot, fs);
            claimed = fs;
        }
    }

    /** {@return the base under which the slot is noted, which is another's business from now on} */
    long yieldClaim() {
        long base = claimed;
        claimed = 0;
        return base;
    }
}
