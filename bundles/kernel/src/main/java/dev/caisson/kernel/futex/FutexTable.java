package dev.caisson.kernel.futex;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.ETIMEDOUT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.memory.FutexKey;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.wait.Blocker;

/** All futex queues of the sandbox. Keys say whether two words are the same futex, so one table serves every address space. */
public final class FutexTable {
    private static final int BUCKETS = 1024;

    private final FutexBucket[] buckets = new FutexBucket[BUCKETS];
    private final PiFutexes locks = new PiFutexes(this);

    /** Makes an empty table. */
    public FutexTable() {
        for (int i = 0; i < BUCKETS; i++) {
            buckets[i] = new FutexBucket(i);
        }
    }

    /** {@return the operations on locks that know their owner} */
    public PiFutexes locks() {
        return locks;
    }

    FutexBucket bucket(FutexKey key) {
        int hash = key.hashCode();
        return buckets[(hash ^ hash >>> 16) & BUCKETS - 1];
    }

    /**
     * The key of a word.
     *
     * @param memory the caller's memory
     * @param address the word
     * @param shared whether other address spaces may wait for it
     * @return its key
     * @throws ErrnoException EINVAL when it is not aligned, EFAULT
     */
    static FutexKey key(MemoryManager memory, long address, boolean shared) throws ErrnoException {
        if ((address & 3) != 0) {
            throw EINVAL.error("futex: not aligned");
        }
        if (address < 0) {
            throw EFAULT.error();
        }
        return memory.futexKey(address, shared);
    }

    /**
     * Queues a waiter if the word still has the expected value.
     *
     * @throws ErrnoException EAGAIN when it has not, EFAULT
     */
    void enqueue(FutexWaiter waiter, MemoryManager memory, int expected) throws ErrnoException {
        FutexBucket bucket = bucket(waiter.key);
        bucket.lock.lock();
        try {
            // Counted before the value is read: a waker that changed it afterwards then sees somebody in its look without the lock.
            bucket.comingLocked(1);
            if (memory.loadInt(waiter.address) != expected) {
                throw EAGAIN.error("futex: the value has changed");
            }
            bucket.addLocked(waiter);
        } finally {
            bucket.comingLocked(-1);
            bucket.lock.unlock();
        }
    }

    /**
     * Gives a wait up.
     *
     * @return false when the waiter was woken already
     */
    boolean dequeue(FutexWaiter waiter) {
        while (true) {
            FutexBucket bucket = waiter.bucket;
            if (bucket == null) {
                return false;
            }
            bucket.lock.lock();
            try {
                // It may have been moved to another bucket meanwhile.
                if (waiter.bucket == bucket) {
                    bucket.removeLocked(waiter);
                    return true;
                }
            } finally {
                bucket.lock.unlock();
            }
        }
    }

    /**
     * FUTEX_WAIT and FUTEX_WAIT_BITSET.
     *
     * @param waiter the caller's waiter
     * @param blocker the caller
     * @param memory its memory
     * @param address the word
     * @param shared whether other address spaces may wake
     * @param expected the value the word must have
     * @param bitset which wakers count, not 0
     * @param deadline when to give up
     * @throws ErrnoException EAGAIN, EFAULT, EINVAL, ETIMEDOUT, or ERESTARTSYS
     */
    void await(FutexWaiter waiter, Blocker blocker, MemoryManager memory, long address, boolean shared, int expected, int bitset,
            FutexDeadline deadline) throws ErrnoException {
        waiter.prepare(key(memory, address, shared), address, bitset);
        enqueue(waiter, memory, expected);
        sleep(waiter, blocker, deadline);
    }

    /** Sleeps until the waiter was woken; a wake-up that comes together with a signal or the deadline wins. */
    void sleep(FutexWaiter waiter, Blocker blocker, FutexDeadline deadline) throws ErrnoException {
        try {
            while (waiter.bucket != null) {
                if (!blocker.block(deadline.hostNs()) && deadline.hasPassed() && dequeue(waiter)) {
                    throw ETIMEDOUT.error();
                }
            }
        } catch (ErrnoException interrupted) {
            if (interrupted.errno() == dev.caisson.abi.Errno.ETIMEDOUT || dequeue(waiter)) {
                throw interrupted;
            }
        }
    }

    /**
     * FUTEX_WAKE and FUTEX_WAKE_BITSET.
     *
     * @param memory the caller's memory
     * @param address the word
     * @param shared whether waiters may be in other address spaces
     * @param limit how many to wake at most
     * @param bitset which waiters count, not 0
     * @return how many were woken
     * @throws ErrnoException EINVAL, EFAULT; EINVAL also when somebody waits for a PI lock there
     */
    public int wake(MemoryManager memory, long address, boolean shared, int limit, int bitset) throws ErrnoException {
        FutexKey key = key(memory, address, shared);
        FutexBucket bucket = bucket(key);
        if (bucket.count == 0) {
            return 0;
        }
        if (limit != 1) {
            bucket.lock.lock();
            try {
                return wakeLocked(bucket, key, limit, bitset);
            } finally {
                bucket.lock.unlock();
            }
        }
        // The usual one is told after the lock is free, which it may want next. Telling somebody who has gone on already does no harm.
        FutexWaiter woken;
        bucket.lock.lock();
        try {
            woken = takeFirstLocked(bucket, key, bitset);
        } finally {
            bucket.lock.unlock();
        }
        if (woken == null) {
            return 0;
        }
        woken.waiter.onEvent(0);
        return 1;
    }

    private static FutexWaiter takeFirstLocked(FutexBucket bucket, FutexKey key, int bitset) throws ErrnoException {
        for (FutexWaiter waiter = bucket.head; waiter != null; waiter = waiter.next) {
            if (isWokenBy(waiter, key, bitset)) {
                bucket.removeLocked(waiter);
                return waiter;
            }
        }
        return null;
    }

    private static boolean isWokenBy(FutexWaiter waiter, FutexKey key, int bitset) throws ErrnoException {
        if (!waiter.key.equals(key)) {
            return false;
        }
        if (waiter.pi != null || waiter.requeueKey != null) {
            throw EINVAL.error("futex: a PI waiter is there");
        }
        return (waiter.bitset & bitset) != 0;
    }

    private static int wakeLocked(FutexBucket bucket, FutexKey key, int limit, int bitset) throws ErrnoException {
        int woken = 0;
        FutexWaiter next;
        for (FutexWaiter waiter = bucket.head; waiter != null; waiter = next) {
            next = waiter.next;
            if (!isWokenBy(waiter, key, bitset)) {
                continue;
            }
            bucket.wakeLocked(waiter);
            // As in Linux, the limit is looked at after the first one.
            if (++woken >= limit) {
                break;
            }
        }
        return woken;
    }

    /** Locks two buckets in order of their numbers. */
    static void lockBoth(FutexBucket one, FutexBucket two) {
        if (one == two) {
            one.lock.lock();
        } else if (one.index < two.index) {
            one.lock.lock();
            two.lock.lockNested();
        } else {
            two.lock.lock();
            one.lock.lockNested();
        }
    }

    static void unlockBoth(FutexBucket one, FutexBucket two) {
        one.lock.unlock();
        if (one != two) {
            two.lock.unlock();
        }
    }

    /**
     * FUTEX_REQUEUE and FUTEX_CMP_REQUEUE.
     *
     * @param memory the caller's memory
     * @param from the word to wake on
     * @param to the word to move the rest to
     * @param shared whether waiters may be in other address spaces
     * @param wakeLimit how many to wake
     * @param moveLimit how many to move
     * @param compare whether {@code expected} counts
     * @param expected the value the first word must have
     * @return how many were woken or moved
     * @throws ErrnoException EINVAL, EFAULT, EAGAIN
     */
    public int requeue(MemoryManager memory, long from, long to, boolean shared, int wakeLimit, int moveLimit, boolean compare,
            int expected) throws ErrnoException {
        if (wakeLimit < 0 || moveLimit < 0) {
            throw EINVAL.error();
        }
        FutexKey source = key(memory, from, shared);
        FutexKey target = key(memory, to, shared);
        FutexBucket one = bucket(source);
        FutexBucket two = bucket(target);
        lockBoth(one, two);
        try {
            if (compare && memory.loadInt(from) != expected) {
                throw EAGAIN.error("futex: the value has changed");
            }
            int count = 0;
            FutexWaiter next;
            for (FutexWaiter waiter = one.head; waiter != null && count - wakeLimit < moveLimit; waiter = next) {
                next = waiter.next;
                if (!waiter.key.equals(source)) {
                    continue;
                }
                if (waiter.pi != null || waiter.requeueKey != null) {
                    throw EINVAL.error("futex: a PI waiter is there");
                }
                if (++count <= wakeLimit) {
                    one.wakeLocked(waiter);
                } else {
                    moveLocked(waiter, one, two, target, to);
                }
            }
            return count;
        } finally {
            unlockBoth(one, two);
        }
    }

    static void moveLocked(FutexWaiter waiter, FutexBucket from, FutexBucket to, FutexKey key, long address) {
        waiter.key = key;
        waiter.address = address;
        if (from != to) {
            from.removeLocked(waiter);
            to.addLocked(waiter);
        }
    }

    /**
     * FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if its old value compares.
     *
     * @param memory the caller's memory
     * @param first the word to wake on
     * @param second the word to change
     * @param shared whether waiters may be in other address spaces
     * @param firstLimit how many to wake on the first
     * @param secondLimit how many to wake on the second
     * @param encoded FUTEX_OP(op, oparg, cmp, cmparg)
     * @return how many were woken
     * @throws ErrnoException EINVAL, EFAULT, ENOSYS for an unknown operation or comparison
     */
    public int wakeOp(MemoryManager memory, long first, long second, boolean shared, int firstLimit, int secondLimit, int encoded)
            throws ErrnoException {
        FutexKey keyOne = key(memory, first, shared);
        FutexKey keyTwo = key(memory, second, shared);
        FutexBucket one = bucket(keyOne);
        FutexBucket two = bucket(keyTwo);
        lockBoth(one, two);
        try {
            boolean also = change(memory, second, encoded);
            int woken = wakeLocked(one, keyOne, firstLimit, Futex.FUTEX_BITSET_MATCH_ANY);
            if (also) {
                woken += wakeLocked(two, keyTwo, secondLimit, Futex.FUTEX_BITSET_MATCH_ANY);
            }
            return woken;
        } finally {
            unlockBoth(one, two);
        }
    }

    private static boolean change(MemoryManager memory, long address, int encoded) throws ErrnoException {
        int operation = encoded >>> 28 & 7;
        int comparison = encoded >>> 24 & 15;
        int argument = encoded << 8 >> 20;
        int compared = encoded << 20 >> 20;
        if (encoded < 0) { // FUTEX_OP_OPARG_SHIFT
            argument = 1 << (argument & 31);
        }
        if (operation > Futex.FUTEX_OP_XOR) {
            throw ENOSYS.error();
        }
        int old;
        while (true) {
            old = memory.loadInt(address);
            int value = switch (operation) {
                case Futex.FUTEX_OP_SET -> argument;
                case Futex.FUTEX_OP_ADD -> old + argument;
                case Futex.FUTEX_OP_OR -> old | argument;
                case Futex.FUTEX_OP_ANDN -> old & ~argument;
                default -> old ^ argument;
            };
            if (memory.compareAndSetInt(address, old, value)) {
                break;
            }
        }
        return switch (comparison) {
            case Futex.FUTEX_OP_CMP_EQ -> old == compared;
            case Futex.FUTEX_OP_CMP_NE -> old != compared;
            case Futex.FUTEX_OP_CMP_LT -> old < compared;
            case Futex.FUTEX_OP_CMP_GE -> old >= compared;
            case Futex.FUTEX_OP_CMP_LE -> old <= compared;
            case Futex.FUTEX_OP_CMP_GT -> old > compared;
            default -> throw ENOSYS.error();
        };
    }

    /** {@return how many tasks wait, over all futexes} */
    public int waiterCount() {
        int sum = 0;
        for (FutexBucket bucket : buckets) {
            sum += bucket.count;
        }
        return sum;
    }
}
