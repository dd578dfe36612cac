package dev.caisson.kernel.futex;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EDEADLK;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ERESTARTNOINTR;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.ESRCH;
import static dev.caisson.abi.Errno.ETIMEDOUT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.kernel.Task;
import dev.caisson.memory.FutexKey;
import dev.caisson.memory.MemoryManager;

/**
 * Futexes whose word names the owner: FUTEX_LOCK_PI and its relatives, futex(2). The word holds the owner's thread id,
 * FUTEX_WAITERS while the kernel must be asked to unlock, FUTEX_OWNER_DIED after an owner died.
 *
 * <p>Deviation: the owner does not inherit the priority of its waiters.
 */
public final class PiFutexes {
    private final FutexTable table;

    /**
     * Makes the operations over a table.
     *
     * @param table the queues
     */
    PiFutexes(FutexTable table) {
        this.table = table;
    }

    /**
     * FUTEX_LOCK_PI, FUTEX_LOCK_PI2 and FUTEX_TRYLOCK_PI.
     *
     * @param task the caller
     * @param address the word
     * @param shared whether other address spaces use it
     * @param deadline when to give up
     * @param tryOnly whether not to wait
     * @throws ErrnoException EDEADLK, ESRCH, EPERM, EAGAIN (try only), EFAULT, EINVAL, ETIMEDOUT, ERESTARTNOINTR
     */
    public void lock(Task task, long address, boolean shared, FutexDeadline deadline, boolean tryOnly) throws ErrnoException {
        MemoryManager memory = task.memory();
        FutexKey key = FutexTable.key(memory, address, shared);
        FutexWaiter waiter = TaskFutexes.of(task).waiter;
        waiter.prepare(key, address, Futex.FUTEX_BITSET_MATCH_ANY);
        FutexBucket bucket = table.bucket(key);
        bucket.lock.lock();
        try {
            if (acquireOrAttachLocked(bucket, waiter, task, memory, address)) {
                return;
            }
            if (tryOnly) {
                waiter.pi = null;
                throw EAGAIN.error();
            }
            bucket.addLocked(waiter);
        } finally {
            bucket.lock.unlock();
        }
        sleepForLock(waiter, task, deadline);
    }

    /** Sleeps until the lock was handed over. */
    private void sleepForLock(FutexWaiter waiter, Task task, FutexDeadline deadline) throws ErrnoException {
        try {
            table.sleep(waiter, task, deadline);
        } catch (ErrnoException interrupted) {
            forgetIfUncontended(waiter);
            if (interrupted.errno() == ERESTARTSYS) {
                throw ERESTARTNOINTR.error();
            }
            throw interrupted;
        }
    }

    /** The last waiter gave up: the owner no longer owns a contended lock. FUTEX_WAITERS stays, which is harmless. */
    private void forgetIfUncontended(FutexWaiter waiter) {
        FutexBucket bucket = table.bucket(waiter.key);
        bucket.lock.lock();
        try {
            PiState state = waiter.pi;
            waiter.pi = null;
            if (state != null && state.owner != null && bucket.firstLocked(waiter.key) == null) {
                TaskFutexes.of(state.owner).disown(waiter.key);
            }
        } finally {
            bucket.lock.unlock();
        }
    }

    /**
     * Takes the lock for a task when it is free, else prepares its waiter (Linux: futex_lock_pi_atomic).
     *
     * @return whether the task owns it now
     */
    private boolean acquireOrAttachLocked(FutexBucket bucket, FutexWaiter waiter, Task task, MemoryManager memory, long address)
            throws ErrnoException {
        int tid = task.tid();
        while (true) {
            int word = memory.loadInt(address);
            if ((word & Futex.FUTEX_TID_MASK) == tid) {
                throw EDEADLK.error();
            }
            FutexWaiter top = bucket.firstLocked(waiter.key);
            if (top != null) {
                attachToWaiters(waiter, top, word, task);
                return false;
            }
            if ((word & Futex.FUTEX_TID_MASK) == 0) {
                // Free, or its owner died: FUTEX_OWNER_DIED stays for the program to see.
                int taken = word & (Futex.FUTEX_OWNER_DIED | Futex.FUTEX_WAITERS) | tid;
                if (memory.compareAndSetInt(address, word, taken)) {
                    return true;
                }
                continue;
            }
            Task owner = task.pidNamespace().task(word & Futex.FUTEX_TID_MASK);
            if ((word & Futex.FUTEX_WAITERS) == 0
                    && !memory.compareAndSetInt(address, word, word | Futex.FUTEX_WAITERS)) {
                continue;
            }
            if (owner == null || owner.memory() == null) {
                if (memory.loadInt(address) != (word | Futex.FUTEX_WAITERS)) {
                    continue; // the owner was just leaving the lock to somebody
                }
                throw ESRCH.error("futex: no such owner");
            }
            waiter.pi = new PiState(owner);
            TaskFutexes.of(owner).own(waiter.key, waiter.pi);
            return false;
        }
    }

    /** Checks that kernel and program agree about who owns the lock (Linux: attach_to_pi_state). */
    private static void attachToWaiters(FutexWaiter waiter, FutexWaiter top, int word, Task task) throws ErrnoException {
        PiState state = top.pi;
        if (state == null) {
            throw EINVAL.error("futex: somebody waits here without PI");
        }
        int owner = word & Futex.FUTEX_TID_MASK;
        if (state.owner != null && owner != 0 && state.owner.identity().in(task.pidNamespace()) != owner) {
            throw EINVAL.error("futex: the word names another owner");
        }
        if (state.owner == task) {
            throw EDEADLK.error();
        }
        waiter.pi = state;
    }

    /**
     * FUTEX_UNLOCK_PI.
     *
     * @param task the caller
     * @param address the word
     * @param shared whether other address spaces use it
     * @throws ErrnoException EPERM when the caller is not the owner, EINVAL, EFAULT
     */
    public void unlock(Task task, long address, boolean shared) throws ErrnoException {
        MemoryManager memory = task.memory();
        int tid = task.tid();
        if ((memory.loadInt(address & ~3L) & Futex.FUTEX_TID_MASK) != tid && (address & 3) == 0) {
            throw EPERM.error();
        }
        FutexKey key = FutexTable.key(memory, address, shared);
        FutexBucket bucket = table.bucket(key);
        bucket.lock.lock();
        try {
            while (true) {
                int word = memory.loadInt(address);
                if ((word & Futex.FUTEX_TID_MASK) != tid) {
                    throw EPERM.error();
                }
                FutexWaiter top = bucket.firstLocked(key);
                if (top == null) {
                    if (memory.compareAndSetInt(address, word, 0)) {
                        TaskFutexes.of(task).disown(key);
                        return;
                    }
                    continue;
                }
                if (top.pi == null || top.pi.owner != task) {
                    throw EINVAL.error("futex: kernel and program disagree about the owner");
                }
                int next = top.task.identity().in(task.pidNamespace()) | Futex.FUTEX_WAITERS;
                if (memory.compareAndSetInt(address, word, next)) {
                    handOverLocked(bucket, top, task);
                    return;
                }
            }
        } finally {
            bucket.lock.unlock();
        }
    }

    private static void handOverLocked(FutexBucket bucket, FutexWaiter top, Task from) {
        PiState state = top.pi;
        FutexKey key = top.key;
        if (from != null) {
            TaskFutexes.of(from).disown(key);
        }
        state.owner = top.task;
        top.acquired = true;
        top.pi = null;
        bucket.wakeLocked(top);
        if (bucket.firstLocked(key) != null) {
            TaskFutexes.of(top.task).own(key, state);
        }
    }

    /**
     * Gives away what a dying task owns. Its memory is still there.
     *
     * @param task the task, on its own thread
     */
    void ownerDies(Task task) {
        for (FutexKey key : TaskFutexes.of(task).ownedKeys()) {
            FutexBucket bucket = table.bucket(key);
            bucket.lock.lock();
            try {
                FutexWaiter top = bucket.firstLocked(key);
                TaskFutexes.of(task).disown(key);
                if (top != null && top.pi != null && top.pi.owner == task) {
                    inheritLocked(bucket, top);
                }
            } finally {
                bucket.lock.unlock();
            }
        }
    }

    private static void inheritLocked(FutexBucket bucket, FutexWaiter top) {
        MemoryManager memory = top.task.memory();
        try {
            int word;
            do {
                word = memory.loadInt(top.address);
            } while (!memory.compareAndSetInt(top.address, word,
                    top.task.tid() | Futex.FUTEX_WAITERS | Futex.FUTEX_OWNER_DIED));
        } catch (ErrnoException unmapped) {
            // The waiter took its own memory away: it gets the lock, for what that is worth.
            top.pi.owner = null;
        }
        handOverLocked(bucket, top, null);
    }

    /**
     * FUTEX_WAIT_REQUEUE_PI: waits on a condition and comes back with the lock.
     *
     * @param task the caller
     * @param address the condition's word
     * @param shared whether other address spaces use it
     * @param expected the value the word must have
     * @param bitset kept for the wake-up, not 0
     * @param deadline when to give up
     * @param lockAddress the lock's word
     * @throws ErrnoException EINVAL, EFAULT, EAGAIN, ETIMEDOUT, ERESTARTNOINTR
     */
    public void waitRequeue(Task task, long address, boolean shared, int expected, int bitset, FutexDeadline deadline,
            long lockAddress) throws ErrnoException {
        if (address == lockAddress || bitset == 0) {
            throw EINVAL.error();
        }
        MemoryManager memory = task.memory();
        FutexWaiter waiter = TaskFutexes.of(task).waiter;
        FutexKey lockKey = FutexTable.key(memory, lockAddress, shared);
        waiter.prepare(FutexTable.key(memory, address, shared), address, bitset);
        if (waiter.key.equals(lockKey)) {
            throw EINVAL.error();
        }
        waiter.requeueKey = lockKey;
        waiter.requeueAddress = lockAddress;
        table.enqueue(waiter, memory, expected);
        try {
            table.sleep(waiter, task, deadline);
        } catch (ErrnoException interrupted) {
            boolean moved = waiter.requeueKey == null;
            if (moved) {
                forgetIfUncontended(waiter);
            }
            waiter.requeueKey = null;
            if (interrupted.errno() == ETIMEDOUT) {
                throw interrupted;
            }
            // Restarting after the move would wait for a condition that has come: the program has to look again.
            throw moved ? EAGAIN.error() : ERESTARTNOINTR.error();
        }
        waiter.requeueKey = null;
        if (!waiter.acquired) {
            throw EAGAIN.error("futex: woken without the lock");
        }
    }

    /**
     * FUTEX_CMP_REQUEUE_PI: gives the lock to the first waiter of a condition if it is free, and lets the others wait for it.
     *
     * @param task the caller
     * @param from the condition's word
     * @param to the lock's word
     * @param shared whether other address spaces use them
     * @param wakeLimit must be 1
     * @param moveLimit how many more to move
     * @param expected the value the condition's word must have
     * @return how many got the lock or were moved
     * @throws ErrnoException EINVAL, EFAULT, EAGAIN, ESRCH, EDEADLK
     */
    public int requeue(Task task, long from, long to, boolean shared, int wakeLimit, int moveLimit, int expected)
            throws ErrnoException {
        if (wakeLimit != 1 || moveLimit < 0 || from == to) {
            throw EINVAL.error();
        }
        MemoryManager memory = task.memory();
        FutexKey source = FutexTable.key(memory, from, shared);
        FutexKey target = FutexTable.key(memory, to, shared);
        if (source.equals(target)) {
            throw EINVAL.error();
        }
        FutexBucket one = table.bucket(source);
        FutexBucket two = table.bucket(target);
        FutexTable.lockBoth(one, two);
        try {
            if (memory.loadInt(from) != expected) {
                throw EAGAIN.error();
            }
            int count = 0;
            FutexWaiter next;
            for (FutexWaiter waiter = one.head; waiter != null && count - wakeLimit < moveLimit; waiter = next) {
                next = waiter.next;
                if (!waiter.key.equals(source)) {
                    continue;
                }
                if (waiter.requeueKey == null || !waiter.requeueKey.equals(target)) {
                    throw EINVAL.error("futex: not a waiter for this lock");
                }
                giveOrMoveLocked(waiter, one, two, memory, to);
                count++;
            }
            return count;
        } finally {
            FutexTable.unlockBoth(one, two);
        }
    }

    private void giveOrMoveLocked(FutexWaiter waiter, FutexBucket one, FutexBucket two, MemoryManager memory, long to)
            throws ErrnoException {
        FutexKey condition = waiter.key;
        FutexKey lock = waiter.requeueKey;
        waiter.key = lock;
        boolean taken;
        try {
            // The waiter is not queued under the lock's key yet, so it does not find itself.
            one.removeLocked(waiter);
            taken = acquireOrAttachLocked(two, waiter, waiter.task, memory, to);
        } catch (ErrnoException refused) {
            waiter.key = condition;
            one.addLocked(waiter);
            throw refused;
        }
        waiter.requeueKey = null;
        waiter.address = waiter.requeueAddress;
        if (taken) {
            waiter.acquired = true;
            waiter.waiter.onEvent(0);
        } else {
            two.addLocked(waiter);
        }
    }
}
