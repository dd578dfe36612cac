package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Ipc.SEM_UNDO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.SemaphoreOperation;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;
import java.util.List;
import java.util.function.Supplier;

/** System V semaphores of one namespace: semget(2), semop(2), semctl(2). */
public final class Semaphores {
    private final IpcLimits limits;
    private final IpcTable<SemaphoreSet> table;

    Semaphores(IpcLimits limits) {
        this.limits = limits;
        this.table = new IpcTable<>(() -> limits.intValue(IpcLimits.Limit.SEMMNI));
    }

    /** {@return all sets} */
    public IpcTable<SemaphoreSet> table() {
        return table;
    }

    /**
     * semget(2).
     *
     * @param key key
     * @param count how many
     * @param flags IPC_*, permission bits
     * @param credentials who asks
     * @return the identifier
     * @throws ErrnoException EACCES, EEXIST, EINVAL, ENOENT, ENOSPC
     */
    public int get(int key, int count, int flags, Credentials credentials) throws ErrnoException {
        if (count < 0 || count > limits.get(IpcLimits.Limit.SEMMSL)) {
            throw EINVAL.error();
        }
        return table.get(key, flags, credentials, found -> {
            if (count > found.count()) {
                throw EINVAL.error();
            }
        }, slot -> {
            if (count == 0) {
                throw EINVAL.error();
            }
            if (total() + count > limits.get(IpcLimits.Limit.SEMMNS)) {
                throw ENOSPC.error();
            }
            return new SemaphoreSet(slot, count, flags, credentials);
        }).id();
    }

    /**
     * semop(2), semtimedop(2).
     *
     * @param id identifier
     * @param operations at least one
     * @param undo the process' undo list, asked for when an operation wants it
     * @param credentials who asks
     * @param pid its process id
     * @param blocker waits
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @throws ErrnoException EACCES, EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ERANGE
     */
    public void operate(int id, List<SemaphoreOperation> operations, Supplier<SemaphoreUndo> undo, Credentials credentials, int pid,
            Blocker blocker, long deadlineNs) throws ErrnoException {
        boolean alters = false;
        boolean wantsUndo = false;
        for (SemaphoreOperation operation : operations) {
            alters |= operation.change() != 0;
            wantsUndo |= (operation.flags() & SEM_UNDO) != 0;
        }
        SemaphoreSet set = table.find(id);
        for (SemaphoreOperation operation : operations) {
            if (operation.number() >= set.count()) {
                throw dev.caisson.abi.Errno.EFBIG.error();
            }
        }
        set.checkAccess(alters ? 0222 : 0444, credentials);
        set.operate(operations, wantsUndo ? undo.get() : null, pid, blocker, deadlineNs);
    }

    /**
     * Finds a set for a command of semctl(2).
     *
     * @param id identifier, or slot number
     * @param bySlot SEM_STAT
     * @param access permission bits that are needed; 0 for none
     * @param credentials who asks
     * @return the set
     * @throws ErrnoException EINVAL, EIDRM, EACCES
     */
    public SemaphoreSet find(int id, boolean bySlot, int access, Credentials credentials) throws ErrnoException {
        SemaphoreSet set = bySlot ? table.findSlot(id) : table.find(id);
        if (access != 0) {
            set.checkAccess(access, credentials);
        }
        return set;
    }

    /**
     * GETVAL, GETPID, GETNCNT, GETZCNT.
     *
     * @param id identifier
     * @param number semaphore
     * @param command which of them
     * @param credentials who asks
     * @return the answer
     * @throws ErrnoException EACCES, EIDRM, EINVAL
     */
    public int ask(int id, int number, int command, Credentials credentials) throws ErrnoException {
        return find(id, false, 0444, credentials).ask(number, command);
    }

    /**
     * GETALL.
     *
     * @param id identifier
     * @param credentials who asks
     * @return the values
     * @throws ErrnoException EACCES, EIDRM, EINVAL
     */
    public int[] values(int id, Credentials credentials) throws ErrnoException {
        return find(id, false, 0444, credentials).valuesNow();
    }

    /**
     * SETVAL.
     *
     * @param id identifier
     * @param number semaphore
     * @param value new value
     * @param credentials who asks
     * @param pid its process id
     * @throws ErrnoException EACCES, EIDRM, EINVAL, ERANGE
     */
    public void set(int id, int number, int value, Credentials credentials, int pid) throws ErrnoException {
        if (value < 0 || value > SemaphoreSet.MAX_VALUE) {
            throw dev.caisson.abi.Errno.ERANGE.error();
        }
        SemaphoreSet set = find(id, false, 0, credentials);
        if (number < 0 || number >= set.count()) {
            throw EINVAL.error();
        }
        set.checkAccess(0222, credentials);
        set.set(number, value, pid);
    }

    /**
     * SETALL.
     *
     * @param id identifier
     * @param values one per semaphore, unsigned
     * @param credentials who asks
     * @param pid its process id
     * @throws ErrnoException EACCES, EIDRM, EINVAL, ERANGE
     */
    public void setAll(int id, int[] values, Credentials credentials, int pid) throws ErrnoException {
        find(id, false, 0222, credentials).setAll(values, pid);
    }

    /**
     * IPC_SET.
     *
     * @param id identifier
     * @param wanted owner and mode
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void change(int id, IpcPermissions wanted, Credentials credentials) throws ErrnoException {
        SemaphoreSet set = table.find(id);
        set.checkOwner(credentials);
        set.changeOwner(wanted);
    }

    /**
     * IPC_RMID.
     *
     * @param id identifier
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void remove(int id, Credentials credentials) throws ErrnoException {
        SemaphoreSet set = table.find(id);
        set.checkOwner(credentials);
        table.remove(set);
        set.destroy();
    }

    /** {@return how many semaphores there are in all sets} */
    public int total() {
        int total = 0;
        for (SemaphoreSet set : table.all()) {
            total += set.count();
        }
        return total;
    }

    /** {@return how many sets there are} */
    public int used() {
        return table.used();
    }

    /** {@return the highest slot number in use} */
    public int highestSlot() {
        return table.highestSlot();
    }
}
