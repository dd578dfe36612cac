package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/** A pid namespace, pid_namespaces(7). Numbers are given by TASK_SET's holder; looking up needs no lock. */
public final class PidNamespace {
    /** Namespaces may be nested this deep (MAX_PID_NS_LEVEL). */
    public static final int MAX_LEVEL = 32;
    /** Numbers below this one are not given again after a wrap (RESERVED_PIDS). */
    private static final int RESERVED = 300;

    private final PidNamespace parent;
    private final int level;
    private final long id;
    private final ConcurrentHashMap<Integer, Pid> pids = new ConcurrentHashMap<>();
    /** kernel.pid_max: numbers are below it. */
    private volatile int pidMax = 32768;
    /** Guarded by TASK_SET. */
    private int last;
    private volatile GuestProcess init;
    /** Set when init has died: nobody may join any more. */
    private volatile boolean dead;

    /**
     * Makes a namespace.
     *
     * @param parent the enclosing one, null for the root
     * @param id inode number of its /proc/PID/ns/pid link
     */
    public PidNamespace(PidNamespace parent, long id) {
        this.parent = parent;
        this.level = parent == null ? 0 : parent.level + 1;
        this.id = id;
    }

    /** {@return the enclosing namespace; null for the root} */
    public PidNamespace parent() {
        return parent;
    }

    /** {@return how many namespaces enclose it} */
    public int level() {
        return level;
    }

    /** {@return inode number of its nsfs link} */
    public long id() {
        return id;
    }

    /** {@return process 1, or null before it started} */
    public GuestProcess init() {
        return init;
    }

    void init(GuestProcess process) {
        init = process;
        if (process == null) {
            last = 0; // the program could not be started: the next one is process 1 again
        }
    }

    void markDead() {
        dead = true;
    }

    /** {@return the last number given} */
    public int lastPid() {
        return last;
    }

    /** {@return numbers are below this} */
    public int pidMax() {
        return pidMax;
    }

    /**
     * Sets kernel.pid_max.
     *
     * @param limit 301 to 4194304
     * @throws ErrnoException EINVAL
     */
    public void pidMax(int limit) throws ErrnoException {
        if (limit < RESERVED + 1 || limit > 4 * 1024 * 1024) {
            throw EINVAL.error();
        }
        pidMax = limit;
    }

    /**
     * Finds an identity.
     *
     * @param number number in this namespace
     * @return the identity, or null
     */
    public Pid find(int number) {
        return number <= 0 ? null : pids.get(number);
    }

    /**
     * Finds a thread.
     *
     * @param tid number in this namespace
     * @return the task, or null; it may be exiting
     */
    public Task task(int tid) {
        Pid pid = find(tid);
        return pid == null ? null : pid.task;
    }

    /**
     * Finds a thread group.
     *
     * @param pid number of its leader in this namespace
     * @return the process, or null; it may be a zombie
     */
    public GuestProcess process(int pid) {
        Pid found = find(pid);
        return found == null ? null : found.process;
    }

    /**
     * Finds a process group.
     *
     * @param id number in this namespace
     * @return the group, or null
     */
    public ProcessGroup group(int id) {
        Pid found = find(id);
        return found == null ? null : found.group;
    }

    /** {@return the processes visible here, zombies included, in order of their numbers; a snapshot} */
    public List<GuestProcess> processes() {
        Collection<Pid> all = pids.values();
        List<GuestProcess> result = new ArrayList<>(all.size());
        for (Pid pid : all) {
            GuestProcess process = pid.process;
            if (process != null) {
                result.add(process);
            }
        }
        result.sort(Comparator.comparingInt(process -> process.identity().in(this)));
        return result;
    }

    /**
     * Gives a new identity with a number here and in every enclosing namespace. TASK_SET is held.
     *
     * @return the identity, already found by {@link #find}
     * @throws ErrnoException EAGAIN when all numbers are taken, ENOMEM when the namespace's init has died
     */
    Pid allocate() throws ErrnoException {
        if (dead) {
            throw ENOMEM.error("the pid namespace has no init any more");
        }
        int[] numbers = new int[level + 1];
        Pid pid = new Pid(this, numbers);
        PidNamespace at = this;
        for (int i = level; i >= 0; i--) {
            try {
                numbers[i] = at.next(pid);
            } catch (ErrnoException full) {
                PidNamespace undo = this;
                for (int j = level; j > i; j--) {
                    undo.forget(numbers[j], pid);
                    undo = undo.parent;
                }
                throw full;
            }
            at = at.parent;
        }
        return pid;
    }

    /**
     * Gives an identity with chosen numbers, clone3(2)'s set_tid. TASK_SET is held.
     *
     * @param wanted the numbers, innermost namespace first; the remaining ones are chosen freely
     * @return the identity
     * @throws ErrnoException EINVAL, EEXIST
     */
    Pid allocate(int[] wanted, boolean allowed) throws ErrnoException {
        if (wanted.length > level + 1) {
            throw EINVAL.error();
        }
        int[] numbers = new int[level + 1];
        Pid pid = new Pid(this, numbers);
        PidNamespace at = this;
        for (int i = level; i >= 0; i--) {
            int index = level - i;
            try {
                if (index < wanted.length) {
                    int number = wanted[index];
                    if (number < 1 || number >= at.pidMax || number != 1 && at.init == null) {
                        throw EINVAL.error();
                    }
                    if (!allowed) {
                        throw EPERM.error();
                    }
                    if (at.pids.putIfAbsent(number, pid) != null) {
                        throw dev.caisson.abi.Errno.EEXIST.error();
                    }
                    numbers[i] = number;
                } else {
                    numbers[i] = at.next(pid);
                }
            } catch (ErrnoException refused) {
                PidNamespace undo = this;
                for (int j = level; j > i; j--) {
                    undo.forget(numbers[j], pid);
                    undo = undo.parent;
                }
                throw refused;
            }
            at = at.parent;
        }
        return pid;
    }

    private int next(Pid pid) throws ErrnoException {
        int limit = pidMax;
        int number = last;
        for (int tries = 0; tries < limit; tries++) {
            number = number + 1 >= limit ? RESERVED : number + 1;
            if (pids.putIfAbsent(number, pid) == null) {
                last = number;
                return number;
            }
        }
        throw EAGAIN.error("all pids are taken");
    }

    void forget(int number, Pid pid) {
        pids.remove(number, pid);
    }
}
