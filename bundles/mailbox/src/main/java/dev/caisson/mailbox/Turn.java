package dev.caisson.mailbox;

import dev.caisson.host.HostFutex;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** The kernel's half of the state word's protocol, and its values. See the package. */
public final class Turn {
    /** The stub's turn: guest code may run. */
    public static final int GUEST = 0;
    /** The kernel's turn. */
    public static final int KERNEL = 1;
    /** The stub's turn, and the kernel sleeps until it ends. */
    public static final int GUEST_AWAITED = 2;
    /** The kernel's turn, and the stub sleeps until it ends. */
    public static final int KERNEL_AWAITED = 3;

    private static final VarHandle STATE = ValueLayout.JAVA_INT.varHandle();
    /** Looks at the word between two looks at the clock. */
    private static final int LOOKS = 32;

    private final MemorySegment slot;
    private final long word;

    /**
     * Makes the kernel's half.
     *
     * @param slot native memory of the slot
     */
    public Turn(MemorySegment slot) {
        this.slot = slot;
        this.word = slot.address() + SlotLayout.STATE;
    }

    /** {@return whether it is the kernel's turn; what the stub wrote before is then visible} */
    public boolean isMine() {
        return ((int) STATE.getAcquire(slot, (long) SlotLayout.STATE) & KERNEL) != 0;
    }

    /** Ends the kernel's turn; what it wrote before is visible to the stub. */
    public void give() {
        if ((int) STATE.getAndSet(slot, (long) SlotLayout.STATE, GUEST) == KERNEL_AWAITED) {
            HostFutex.wake(word, 1);
        }
    }

    /**
     * Spins until it is the kernel's turn.
     *
     * @param ns how long at most
     * @return whether it is
     */
    public boolean spin(long ns) {
        if (spinOnce()) {
            return true;
        }
        long start = System.nanoTime();
        do {
            if (spinOnce()) {
                return true;
            }
        } while (System.nanoTime() - start < ns);
        return false;
    }

    private boolean spinOnce() {
        for (int i = 0; i < LOOKS; i++) {
            if (isMine()) {
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    /**
     * Sleeps until it is the kernel's turn, or something else happens.
     *
     * @param ns how long at most
     * @return whether it is the kernel's turn
     */
    public boolean sleep(long ns) {
        int seen = (int) STATE.compareAndExchange(slot, (long) SlotLayout.STATE, GUEST, GUEST_AWAITED);
        if ((seen & KERNEL) == 0) {
            HostFutex.await(word, GUEST_AWAITED, ns); // returns at once should guest code have put something else there
        }
        return isMine();
    }
}
