package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/**
 * What a task knows of the companion that runs its guest, and whether it wants one: for a guest that makes one call after the other, and
 * as long as the answers come before the stub has given up. Used by the task's thread.
 */
final class Company {
    private static final int TRAP_FLAG = 0x100;
    /** A companion that answers fewer calls before the task must sleep is not tried again for a while. */
    private static final int WORTH_IT = 16;
    private static final int REST = 128;
    private static final long HASTE_NS = 300_000;

    private final Crowd crowd;
    /** What the guest that waits in the stub was told at its last call: all but rax must be the same for a plain answer. */
    private final Registers told = new Registers();
    /** The processor that the task keeps between runs because its companion has the guest inside. */
    private Processor held;
    private boolean lent;
    private boolean awake;
    /** Whether the last event was a call that came through the slot. */
    private boolean waitsForAnswer;
    /** Calls, none of them longer than {@link #HASTE_NS} after the one before. */
    private int haste;
    /** Calls that were answered without an exit since the task last had to sleep for the guest. */
    private int answers;
    private long lastCallNs;

    Company(Crowd crowd) {
        this.crowd = crowd;
    }

    /** {@return the processor that the task kept since its last run, or null} */
    Processor held() {
        if (lent) {
            lent = false;
            if (!held.companion().takeBack()) {
                held = null;
            }
        }
        return held;
    }

    /**
     * Whether a companion is to run a guest from here on, if there is one.
     *
     * @param processor which the task has, loaded
     * @return whether the task holds it with its companion now; else it holds none
     */
    boolean isWanted(Processor processor) {
        if (crowd.hasRoomFor(haste) && processor.machine().device().hasBaseInstructions()) {
            if (held == null || processor.companion().isAwake()) {
                processor.companion().hold();
                held = processor;
                return true;
            }
            haste = 0; // it would take longer to wake it than to go ourselves
        }
        drop();
        return false;
    }

    /** The task gives the companion up, but keeps the processor; the guest is outside. */
    void drop() {
        if (held != null) {
            held.companion().drop();
            held = null;
        }
    }

    /** Brings the guest outside and gives processor and companion back, if there are. */
    void leave() {
        Processor kept = held();
        if (kept != null) {
            kept.bringOut();
            drop();
            kept.machine().processors().giveBack(kept);
        }
    }

    /** {@return whether the guest waited for the result of its call and nothing else, and has it now} */
    boolean answer(Processor processor, KvmAddressSpace space, Registers registers) {
        boolean waits = waitsForAnswer;
        waitsForAnswer = false;
        if (processor.companion().isOutside()) {
            if (waits) {
                retreat(); // the stub gave up: we were late, for want of a processor of our own
            }
            return false;
        }
        if (!processor.isIn(space) || space.machine().processors().isWanted()
            || (registers.eflags() & TRAP_FLAG) != 0) {
            return false;
        }
        long rax = registers.rax();
        told.rax(rax);
        told.origRax(-1);
        if (MemorySegment.mismatch(told.segment(), 0, Registers.BYTES, registers.segment(), 0, Registers.BYTES) >= 0) {
            return false;
        }
        processor.slot().answer(rax);
        answers++;
        return true;
    }

    /** A call came through the slot. */
    void called(Registers registers) {
        told.copyFrom(registers);
        waitsForAnswer = true;
    }

    /** A call came by an exit. */
    void calledByExit() {
        long now = System.nanoTime();
        haste = now - lastCallNs < HASTE_NS ? haste + 1 : Math.min(haste, 0);
        lastCallNs = now;
    }

    /** The companion was of no use, now. If it was of none before, it gets a rest. */
    void retreat() {
        haste = answers < WORTH_IT ? -REST : 0;
        answers = 0;
    }

    /** The task falls asleep; others may have the companion. */
    void sleeping() {
        if (awake) {
            awake = false;
            crowd.leave();
        }
        if (held != null && !lent) {
            lent = true;
            held.companion().lend();
        }
    }

    /** The task is awake. */
    void awake() {
        if (!awake) {
            awake = true;
            crowd.enter();
        }
    }

    /** The task ends. */
    void close() {
        if (awake) {
            awake = false;
            crowd.leave();
        }
        leave();
    }
}
