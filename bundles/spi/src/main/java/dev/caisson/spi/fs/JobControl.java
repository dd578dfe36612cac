package dev.caisson.spi.fs;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.lock.RankedLock;
import java.util.concurrent.locks.ReentrantLock;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The calling task as far as terminals need it: session, process group, signals (credentials(7), tty_ioctl(4)). Reads and writes have
 * no caller among their parameters; {@link #current} finds it by the thread.
 */
@ProviderType
public interface JobControl {
    /** Who was killed waits only for so long; but so long, since what is left to be written at the end of a process must be. */
    long KILLED_NS = 500_000_000L;
    /** For whom the whole sandbox waits. */
    long AWAITED_NS = 50_000_000L;

    /** The thread of a task: tells whose thread it is. */
    interface Holder {
        /** {@return the task of this thread} */
        JobControl jobControl();
    }

    /** {@return the calling task, or null on a thread that is not a task's} */
    static JobControl current() {
        return Thread.currentThread() instanceof Holder holder ? holder.jobControl() : null;
    }

    /**
     * Acquires a lock whose holder may wait for a server, or for whoever keeps a file: the calling task leaves when it is killed (but not at once,
     * since a process that ends has to write back), or awaited.
     *
     * @param lock to be released by the caller
     * @throws ErrnoException ERESTARTSYS, without the lock
     */
    static void acquire(RankedLock lock) throws ErrnoException {
        if (!lock.lockUnless(JobControl::isToLeave)) {
            throw Errno.ERESTARTSYS.error();
        }
    }

    /**
     * As {@link #acquire(RankedLock)}, for a lock that has no place in the order.
     *
     * @param lock to be released by the caller
     * @throws ErrnoException ERESTARTSYS, without the lock
     */
    static void acquire(ReentrantLock lock) throws ErrnoException {
        if (!RankedLock.acquireUnless(lock, JobControl::isToLeave)) {
            throw Errno.ERESTARTSYS.error();
        }
    }

    /**
     * Whether the calling task had better give up a wait.
     *
     * @param waitedNs how long it has waited
     * @return false on a thread that is not a task's
     */
    static boolean isToLeave(long waitedNs) {
        JobControl task = current();
        return task != null && (waitedNs > KILLED_NS && task.isKilled() || waitedNs > AWAITED_NS && task.isAwaited());
    }

    /** {@return the credentials of the caller} */
    Credentials credentials();

    /** {@return the caller's session} */
    TerminalSession session();

    /**
     * The controlling terminal of the caller's process: that of its session, if it was inherited and not given up since.
     *
     * @return the terminal, or null
     */
    ControllingTerminal terminal();

    /** The caller's process alone gives the terminal up, and its children to come, TIOCNOTTY. */
    void giveUpTerminal();

    /** {@return the caller's process group} */
    TerminalGroup group();

    /** {@return whether the caller's process leads its session} */
    boolean isSessionLeader();

    /**
     * Whether the caller would not act on a signal now.
     *
     * @param signal a signal number
     * @return whether it is blocked or ignored
     */
    boolean isBlockedOrIgnored(int signal);

    /**
     * Whether the caller was killed and only has to leave the kernel: what it waits for may be given up with any error, which nobody will see.
     *
     * @return whether it never returns to its program
     */
    default boolean isKilled() {
        return false;
    }

    /**
     * Whether the whole sandbox waits for the caller, whose call has changed nothing and changes nothing: a wait that may take long had better
     * be given up with ERESTARTSYS. The call is made again when the others are done; nobody sees that.
     *
     * @return whether to leave; once true, the call has to fail with ERESTARTSYS
     */
    default boolean isAwaited() {
        return false;
    }

    /**
     * Finds a process group, for TIOCSPGRP.
     *
     * @param id its id in the caller's pid namespace
     * @return the group
     * @throws ErrnoException ESRCH
     */
    TerminalGroup groupById(int id) throws ErrnoException;

    /**
     * The id of a group, for TIOCGPGRP.
     *
     * @param group a group, or null
     * @return its id in the caller's pid namespace, 0 when it has none there
     */
    int idOf(TerminalGroup group);

    /**
     * The id of a session, for TIOCGSID.
     *
     * @param session a session, or null
     * @return its id in the caller's pid namespace, 0 when it has none there
     */
    int idOf(TerminalSession session);
}
