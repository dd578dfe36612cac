package dev.caisson.spi.wait;

import java.util.Arrays;

/**
 * Those who wait for events on one object. {@link #notify(int)} takes no lock and may be called anywhere; registering copies
 * a small array.
 *
 * <p>The order that loses no event: register, then check the condition, then sleep; and on the other side: change the
 * condition, then notify.
 */
public final class WaitQueue {
    private record Entry(Waiter waiter, int mask) {}

    private static final Entry[] NONE = new Entry[0];

    private volatile Entry[] entries = NONE;

    /**
     * Adds a waiter at the end.
     *
     * @param waiter whom to tell
     * @param mask poll(2) events it wants
     */
    public synchronized void add(Waiter waiter, int mask) {
        Entry[] more = Arrays.copyOf(entries, entries.length + 1);
        more[entries.length] = new Entry(waiter, mask);
        entries = more;
    }

    /**
     * Removes a waiter; does nothing when it is not there.
     *
     * @param waiter the waiter, by identity
     */
    public synchronized void remove(Waiter waiter) {
        Entry[] old = entries;
        for (int i = 0; i < old.length; i++) {
            if (old[i].waiter == waiter) {
                if (old.length == 1) {
                    entries = NONE;
                    return;
                }
                Entry[] fewer = new Entry[old.length - 1];
                System.arraycopy(old, 0, fewer, 0, i);
                System.arraycopy(old, i + 1, fewer, i, old.length - i - 1);
                entries = fewer;
                return;
            }
        }
    }

    /** {@return whether anybody waits} */
    public boolean isEmpty() {
        return entries.length == 0;
    }

    /**
     * Tells every waiter whose mask has one of the events. POLLERR and POLLHUP concern everybody.
     *
     * @param events poll(2) mask
     */
    public void notify(int events) {
        for (Entry entry : entries) {
            if ((entry.mask & events) != 0 || (events & 0x18) != 0) {
                entry.waiter.onEvent(events);
            }
        }
    }
}
