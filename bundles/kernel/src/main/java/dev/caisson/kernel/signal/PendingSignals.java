package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import java.util.ArrayList;
import java.util.List;

/**
 * What is pending for a thread or a thread group (Linux's struct sigpending). A standard signal is pending once, with the
 * information of the first; real-time signals queue. Guarded by the signal lock of the group; {@link #set} may be read without.
 */
public final class PendingSignals {
    /** One queued signal; the list is in order of arrival. */
    private static final class Entry {
        final SignalInfo info;
        final SignalSource source;
        final SignalQuota quota;
        Entry next;

        Entry(SignalInfo info, SignalSource source, SignalQuota quota) {
            this.info = info;
            this.source = source;
            this.quota = quota;
        }
    }

    private volatile long set;
    private Entry head;
    private Entry tail;
    /** What {@link #take} took, when it came from a timer. */
    private SignalSource takenSource;

    /** {@return the pending signals} */
    public long set() {
        return set;
    }

    /**
     * Whether one is pending.
     *
     * @param signal 1 to 64
     * @return whether it is
     */
    public boolean has(int signal) {
        return SignalSets.has(set, signal);
    }

    /**
     * Adds a signal. A standard signal that is pending already is dropped, unless a timer sent it.
     *
     * @param info the signal
     * @param source the timer it comes from, or null
     * @param owner whose limit counts
     * @return false when the queue is full and the signal was not added (EAGAIN); a standard signal is then added without
     *     information instead
     */
    boolean add(SignalInfo info, SignalSource source, SignalOwner owner) {
        int signal = info.signal();
        boolean realTime = signal >= Signals.SIGRTMIN;
        if (source == null && !realTime && has(signal)) {
            return true;
        }
        SignalQuota quota = null;
        // Only what programs queue counts: a fault or a plain kill must not fail (override_rlimit in Linux).
        if (source == null && (realTime || info.code() < 0)) {
            quota = owner.pendingQuota();
            if (!quota.tryTake(owner.pendingLimit())) {
                if (realTime && info.code() != SignalCodes.SI_USER) {
                    return false;
                }
                set |= SignalSets.bit(signal);
                return true;
            }
        }
        append(new Entry(info, source, quota));
        set |= SignalSets.bit(signal);
        return true;
    }

    private void append(Entry entry) {
        if (head == null) {
            head = entry;
        } else {
            tail.next = entry;
        }
        tail = entry;
    }

    /** Adds a signal without information; for SIGKILL. */
    void addBare(int signal) {
        set |= SignalSets.bit(signal);
    }

    /**
     * Takes the first information of a signal.
     *
     * @param signal a pending signal
     * @return the information; null when its timer is gone and there is nothing to deliver
     */
    SignalInfo take(int signal) {
        Entry before = null;
        Entry found = null;
        Entry foundBefore = null;
        boolean more = false;
        for (Entry entry = head; entry != null; before = entry, entry = entry.next) {
            if (entry.info.signal() == signal) {
                if (found != null) {
                    more = true;
                    break;
                }
                found = entry;
                foundBefore = before;
            }
        }
        if (!more) {
            set &= ~SignalSets.bit(signal);
        }
        takenSource = null;
        if (found == null) {
            return SignalInfo.sent(signal, SignalCodes.SI_USER, 0, 0);
        }
        unlink(found, foundBefore);
        takenSource = found.source;
        return found.source == null ? found.info : found.source.dequeued(found.info);
    }

    /**
     * Takes the first signal that the processor raised for the thread (Linux: dequeue_synchronous_signal).
     *
     * @param wanted candidates
     * @return the information, or null when there is none
     */
    SignalInfo takeSynchronous(long wanted) {
        if ((set & wanted) == 0) {
            return null;
        }
        for (Entry entry = head; entry != null; entry = entry.next) {
            if (SignalSets.has(wanted, entry.info.signal()) && entry.info.code() > 0) {
                return take(entry.info.signal());
            }
        }
        return null;
    }

    private void unlink(Entry entry, Entry before) {
        if (before == null) {
            head = entry.next;
        } else {
            before.next = entry.next;
        }
        if (tail == entry) {
            tail = before;
        }
        if (entry.quota != null) {
            entry.quota.release();
        }
    }

    /**
     * Discards signals.
     *
     * @param mask which
     */
    void discard(long mask) {
        if ((set & mask) == 0) {
            return;
        }
        set &= ~mask;
        Entry before = null;
        for (Entry entry = head; entry != null; entry = entry.next) {
            if (SignalSets.has(mask, entry.info.signal())) {
                unlink(entry, before);
            } else {
                before = entry;
            }
        }
    }

    /**
     * Discards what a timer queued.
     *
     * @param source the timer
     */
    void discard(SignalSource source) {
        Entry before = null;
        for (Entry entry = head; entry != null; entry = entry.next) {
            if (entry.source == source) {
                unlink(entry, before);
                int signal = entry.info.signal();
                boolean more = false;
                for (Entry other = head; other != null; other = other.next) {
                    more |= other.info.signal() == signal;
                }
                if (!more) {
                    set &= ~SignalSets.bit(signal);
                }
                return;
            }
            before = entry;
        }
    }

    /**
     * Whether a timer's signal is queued.
     *
     * @param source the timer
     * @return whether it is
     */
    boolean holds(SignalSource source) {
        for (Entry entry = head; entry != null; entry = entry.next) {
            if (entry.source == source) {
                return true;
            }
        }
        return false;
    }

    /** {@return what is queued, in order of arrival; signals without information are not} */
    List<SignalInfo> queued() {
        List<SignalInfo> all = new ArrayList<>();
        for (Entry entry = head; entry != null; entry = entry.next) {
            all.add(entry.info);
        }
        return all;
    }

    /** Discards everything. */
    void clear() {
        discard(~0L);
    }
}
