package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EIDRM;
import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERANGE;
import static dev.caisson.abi.Ipc.IPC_NOWAIT;
import static dev.caisson.abi.Ipc.SEM_UNDO;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.SemaphoreOperation;
import dev.caisson.abi.SemaphoreStatus;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** A set of System V semaphores. Operations that must wait are carried out, in order of arrival, by whoever makes them possible. */
public final class SemaphoreSet extends IpcObject {
    /** SEMVMX: the highest value. */
    public static final int MAX_VALUE = 32767;

    /** Where a list of operations stopped. */
    private enum Outcome { DONE, MUST_WAIT, WOULD_NOT_WAIT, OUT_OF_RANGE }

    /** Operations that wait. Guarded by the set's lock, except for the waiter. */
    private static final class Pending {
        final List<SemaphoreOperation> operations;
        final SemaphoreUndo undo;
        final int pid;
        final Waiter waiter;
        SemaphoreOperation blocking;
        boolean over;
        Errno error;

        Pending(List<SemaphoreOperation> operations, SemaphoreUndo undo, int pid, Waiter waiter) {
            this.operations = operations;
            this.undo = undo;
            this.pid = pid;
            this.waiter = waiter;
        }
    }

    /** All guarded by {@link #lock}. */
    private final int[] values;
    private final int[] pids;
    private final List<Pending> pending = new ArrayList<>();
    private final List<SemaphoreUndo> undos = new ArrayList<>();
    private long operationSeconds;
    /** The operation at which the last attempt stopped. */
    private SemaphoreOperation stoppedAt;

    SemaphoreSet(IpcTable.Slot slot, int count, int mode, Credentials credentials) {
        super(slot, mode, credentials);
        this.values = new int[count];
        this.pids = new int[count];
    }

    /** {@return how many semaphores there are} */
    public int count() {
        return values.length;
    }

    /**
     * semtimedop(2), after access was checked.
     *
     * @param operations what to do, all or nothing
     * @param undo the process' undo list, or null when no operation wants it
     * @param pid the caller's process id
     * @param blocker waits
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @throws ErrnoException EFBIG, EIDRM, EAGAIN, EINTR, ERANGE
     */
    void operate(List<SemaphoreOperation> operations, SemaphoreUndo undo, int pid, Blocker blocker, long deadlineNs)
            throws ErrnoException {
        for (SemaphoreOperation operation : operations) {
            if (operation.number() >= values.length) {
                throw EFBIG.error();
            }
        }
        Pending waiting;
        List<Pending> woken = List.of();
        lock.lock();
        try {
            checkAliveLocked();
            switch (attemptLocked(operations, undo, pid)) {
                case DONE -> {
                    woken = wakeLocked();
                    waiting = null;
                }
                case WOULD_NOT_WAIT -> throw EAGAIN.error();
                case OUT_OF_RANGE -> throw ERANGE.error();
                default -> {
                    waiting = new Pending(operations, undo, pid, blocker.waiter());
                    waiting.blocking = stoppedAt;
                    pending.add(waiting);
                }
            }
        } finally {
            lock.unlock();
        }
        tell(woken);
        if (waiting != null) {
            await(waiting, blocker, deadlineNs);
        }
    }

    private void await(Pending waiting, Blocker blocker, long deadlineNs) throws ErrnoException {
        while (true) {
            Errno given = null;
            try {
                if (!blocker.block(deadlineNs)) {
                    given = EAGAIN;
                }
            } catch (ErrnoException interrupted) {
                given = EINTR; // never restarted
            }
            lock.lock();
            try {
                if (waiting.over) {
                    if (waiting.error != null) {
                        throw waiting.error.error();
                    }
                    return;
                }
                if (given != null) {
                    pending.remove(waiting);
                    throw given.error();
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /** Does all operations, or none. */
    private Outcome attemptLocked(List<SemaphoreOperation> operations, SemaphoreUndo undo, int pid) {
        int done = 0;
        Outcome outcome = Outcome.DONE;
        for (SemaphoreOperation operation : operations) {
            int value = values[operation.number()];
            int change = operation.change();
            if (change == 0 ? value != 0 : value + change < 0) {
                stoppedAt = operation;
                outcome = (operation.flags() & IPC_NOWAIT) != 0 ? Outcome.WOULD_NOT_WAIT : Outcome.MUST_WAIT;
                break;
            }
            boolean undone = (operation.flags() & SEM_UNDO) != 0;
            if (value + change > MAX_VALUE || undone && !undo.accepts(this, operation.number(), -change)) {
                outcome = Outcome.OUT_OF_RANGE;
                break;
            }
            values[operation.number()] = value + change;
            if (undone) {
                undo.add(this, operation.number(), -change);
            }
            done++;
        }
        if (outcome == Outcome.DONE) {
            for (SemaphoreOperation operation : operations) {
                pids[operation.number()] = pid;
            }
            operationSeconds = nowSeconds();
            return outcome;
        }
        while (--done >= 0) {
            SemaphoreOperation operation = operations.get(done);
            values[operation.number()] -= operation.change();
            if ((operation.flags() & SEM_UNDO) != 0) {
                undo.add(this, operation.number(), operation.change());
            }
        }
        return outcome;
    }

    /** Carries out what has become possible; from the start again after each success that changed a value. */
    private List<Pending> wakeLocked() {
        List<Pending> woken = new ArrayList<>(0);
        boolean again = true;
        while (again) {
            again = false;
            for (Iterator<Pending> all = pending.iterator(); all.hasNext();) {
                Pending each = all.next();
                Outcome outcome = attemptLocked(each.operations, each.undo, each.pid);
                if (outcome == Outcome.MUST_WAIT) {
                    each.blocking = stoppedAt;
                    continue;
                }
                all.remove();
                each.over = true;
                each.error = switch (outcome) {
                    case WOULD_NOT_WAIT -> EAGAIN;
                    case OUT_OF_RANGE -> ERANGE;
                    default -> null;
                };
                woken.add(each);
                if (outcome == Outcome.DONE && each.operations.stream().anyMatch(operation -> operation.change() != 0)) {
                    again = true;
                    break;
                }
            }
        }
        return woken;
    }

    private static void tell(List<Pending> woken) {
        for (Pending each : woken) {
            each.waiter.onEvent(Poll.POLLIN);
        }
    }

    // ---- semctl

    /**
     * GETVAL, GETPID, GETNCNT, GETZCNT.
     *
     * @param number semaphore
     * @param command which of them
     * @return the answer
     * @throws ErrnoException EINVAL, EIDRM
     */
    int ask(int number, int command) throws ErrnoException {
        lock.lock();
        try {
            checkAliveLocked();
            if (number < 0 || number >= values.length) {
                throw EINVAL.error();
            }
            return switch (command) {
                case dev.caisson.abi.Ipc.GETVAL -> values[number];
                case dev.caisson.abi.Ipc.GETPID -> pids[number];
                case dev.caisson.abi.Ipc.GETNCNT -> waitersLocked(number, false);
                default -> waitersLocked(number, true);
            };
        } finally {
            lock.unlock();
        }
    }

    private int waitersLocked(int number, boolean forZero) {
        int count = 0;
        for (Pending each : pending) {
            if (each.blocking.number() == number && each.blocking.change() == 0 == forZero) {
                count++;
            }
        }
        return count;
    }

    int[] valuesNow() throws ErrnoException {
        lock.lock();
        try {
            checkAliveLocked();
            return values.clone();
        } finally {
            lock.unlock();
        }
    }

    void set(int number, int value, int pid) throws ErrnoException {
        if (value < 0 || value > MAX_VALUE) {
            throw ERANGE.error();
        }
        List<Pending> woken;
        lock.lock();
        try {
            checkAliveLocked();
            if (number < 0 || number >= values.length) {
                throw EINVAL.error();
            }
            values[number] = value;
            pids[number] = pid;
            for (SemaphoreUndo undo : undos) {
                undo.forget(this, number);
            }
            changed();
            woken = wakeLocked();
        } finally {
            lock.unlock();
        }
        tell(woken);
    }

    void setAll(int[] wanted, int pid) throws ErrnoException {
        List<Pending> woken;
        lock.lock();
        try {
            checkAliveLocked();
            for (int value : wanted) {
                if (value > MAX_VALUE) {
                    throw ERANGE.error();
                }
            }
            for (int i = 0; i < values.length; i++) {
                values[i] = wanted[i];
                pids[i] = pid;
                for (SemaphoreUndo undo : undos) {
                    undo.forget(this, i);
                }
            }
            changed();
            woken = wakeLocked();
        } finally {
            lock.unlock();
        }
        tell(woken);
    }

    void destroy() {
        List<Pending> woken;
        lock.lock();
        try {
            markRemoved();
            woken = List.copyOf(pending);
            pending.clear();
            for (Pending each : woken) {
                each.over = true;
                each.error = EIDRM;
            }
            undos.forEach(undo -> undo.forgetAll(this));
            undos.clear();
        } finally {
            lock.unlock();
        }
        tell(woken);
    }

    // ---- undo

    /** A process begins to keep undo values for this set; the lock is held. */
    void addUndoLocked(SemaphoreUndo undo) {
        if (!undos.contains(undo)) {
            undos.add(undo);
        }
    }

    /** The process ends: adds what it owes, within the range of values. */
    void undo(SemaphoreUndo undo, int[] adjustments, int pid) {
        List<Pending> woken;
        lock.lock();
        try {
            if (isRemoved()) {
                return;
            }
            undos.remove(undo);
            for (int i = 0; i < values.length; i++) {
                if (adjustments[i] != 0) {
                    values[i] = Math.clamp(values[i] + (long) adjustments[i], 0, MAX_VALUE);
                    pids[i] = pid;
                }
            }
            woken = wakeLocked();
        } finally {
            lock.unlock();
        }
        tell(woken);
    }

    /** {@return what IPC_STAT tells} */
    public SemaphoreStatus status() {
        lock.lock();
        try {
            return new SemaphoreStatus(permissions(), operationSeconds, changeSeconds(), values.length);
        } finally {
            lock.unlock();
        }
    }
}
