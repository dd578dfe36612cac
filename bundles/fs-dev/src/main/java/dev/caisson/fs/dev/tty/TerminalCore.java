package dev.caisson.fs.dev.tty;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOTTY;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.TerminalGroup;
import dev.caisson.spi.fs.TerminalSession;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.lang.foreign.MemorySegment;

/** What every terminal has: the session it controls, the foreground process group, job control (drivers/tty/tty_jobctrl.c). */
public abstract class TerminalCore implements ControllingTerminal {
    /** The result of {@link #sessionIoctl} for a request that is none of sessions. */
    protected static final long NOT_MINE = Long.MIN_VALUE;

    /** Guards everything of the terminal. No signal is sent and no session called while it is held. */
    protected final RankedLock lock = RankedLock.of(LockRank.OBJECT);

    private final int major;
    private final int minor;
    private TerminalSession session;
    private TerminalGroup foreground;
    private volatile boolean isExclusive;

    /**
     * Makes a terminal that controls nothing.
     *
     * @param major major number of its device
     * @param minor minor number of its device
     */
    protected TerminalCore(int major, int minor) {
        this.major = major;
        this.minor = minor;
    }

    @Override
    public final int major() {
        return major;
    }

    @Override
    public final int minor() {
        return minor;
    }

    @Override
    public final TerminalGroup foreground() {
        lock.lock();
        try {
            return foreground;
        } finally {
            lock.unlock();
        }
    }

    private TerminalSession session() {
        lock.lock();
        try {
            return session;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Makes this the controlling terminal of a session, whatever it controlled before.
     *
     * @param next the session
     * @param group its new foreground group
     * @throws ErrnoException EPERM when the session has another terminal
     */
    public final void control(TerminalSession next, TerminalGroup group) throws ErrnoException {
        next.attachTerminal(this);
        lock.lock();
        try {
            session = next;
            foreground = group;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final void releasedBy(TerminalSession leaving, boolean leaderExits) {
        TerminalGroup group;
        lock.lock();
        try {
            if (session != leaving) {
                return;
            }
            group = foreground;
            session = null;
            foreground = null;
        } finally {
            lock.unlock();
        }
        leaving.detachTerminal(this);
        if (group != null) {
            group.signal(Signals.SIGHUP);
            group.signal(Signals.SIGCONT);
        }
        if (leaderExits) {
            leaderGone();
        }
    }

    /**
     * Opens it by its name in /dev/pts.
     *
     * @param flags {@code O_*}
     * @return the open file
     * @throws ErrnoException EIO when it was hung up
     */
    protected OpenFile openNamed(int flags) throws ErrnoException {
        opened(flags);
        return openControlling(flags);
    }

    /** The leader of the session exited. */
    protected void leaderGone() {}

    /**
     * Signals the foreground group.
     *
     * @param signal signal number
     * @return whether there is one
     */
    public final boolean signalForeground(int signal) {
        TerminalGroup group = foreground();
        if (group == null) {
            return false;
        }
        group.signal(signal);
        return true;
    }

    /** The line is gone: the session loses its terminal; its leader and the foreground group hear of it. */
    protected final void hangUpSession() {
        TerminalSession old;
        TerminalGroup group;
        lock.lock();
        try {
            old = session;
            group = foreground;
            session = null;
            foreground = null;
        } finally {
            lock.unlock();
        }
        if (old != null) {
            old.detachTerminal(this);
            old.signalLeader(Signals.SIGHUP);
            old.signalLeader(Signals.SIGCONT);
        }
        if (group != null) {
            // Linux does this when the leader exits, which SIGHUP makes it do.
            group.signal(Signals.SIGHUP);
            group.signal(Signals.SIGCONT);
        }
    }

    /**
     * Opens without O_NOCTTY: a session leader without a terminal gets this one, if it controls no session.
     *
     * @param flags {@code O_*}
     * @throws ErrnoException EBUSY when the terminal is in exclusive mode
     */
    protected final void opened(int flags) throws ErrnoException {
        JobControl caller = JobControl.current();
        lock.lock();
        try {
            if (isExclusive && (caller == null || !caller.credentials().has(Capability.CAP_SYS_ADMIN))) {
                throw EBUSY.error("exclusive mode");
            }
        } finally {
            lock.unlock();
        }
        if ((flags & Fcntl.O_NOCTTY) != 0 || caller == null || !caller.isSessionLeader() || caller.terminal() != null
                || session() != null) {
            return;
        }
        try {
            control(caller.session(), caller.group());
        } catch (ErrnoException e) {
            // Another thread of the leader was quicker with another terminal.
        }
    }

    /**
     * Lets only the foreground group pass; others are signalled, so that job control stops them.
     *
     * @param signal SIGTTIN for reading, SIGTTOU for changes and, with TOSTOP, for writing
     * @throws ErrnoException ERESTARTSYS after the signal was sent; EIO when it would have no effect
     */
    protected final void checkForeground(int signal) throws ErrnoException {
        JobControl caller = JobControl.current();
        if (caller == null || caller.session() == null || caller.terminal() != this) {
            return;
        }
        TerminalGroup group = foreground();
        TerminalGroup own = caller.group();
        if (group == null || group == own) {
            return;
        }
        if (caller.isBlockedOrIgnored(signal)) {
            if (signal == Signals.SIGTTIN) {
                throw EIO.error("a background process reads and ignores SIGTTIN");
            }
            return;
        }
        if (own.isOrphaned()) {
            throw EIO.error("nobody could continue the process");
        }
        own.signal(signal);
        throw ERESTARTSYS.error();
    }

    /**
     * The requests about sessions, foreground group and exclusive mode.
     *
     * @param memory the caller's memory
     * @param command the request
     * @param argument its argument
     * @param flags {@code O_*} of the open file
     * @param isMaster whether the request came by the master side of a pair
     * @return the result, or {@link #NOT_MINE}
     * @throws ErrnoException ENOTTY, EPERM, EFAULT, ESRCH
     */
    protected final long sessionIoctl(IoctlMemory memory, int command, long argument, int flags, boolean isMaster)
            throws ErrnoException {
        JobControl caller = JobControl.current();
        switch (command) {
            case Terminal.TIOCSCTTY -> {
                becomeControlling(caller, argument, flags);
                return 0;
            }
            case Terminal.TIOCNOTTY -> {
                if (caller == null || caller.terminal() != this) {
                    throw ENOTTY.error();
                }
                if (caller.isSessionLeader()) {
                    releasedBy(caller.session(), false);
                } else {
                    caller.giveUpTerminal();
                }
                return 0;
            }
            case Terminal.TIOCGPGRP -> {
                if (caller == null || !isMaster && caller.terminal() != this) {
                    throw ENOTTY.error();
                }
                putInt(memory, argument, caller.idOf(foreground()));
                return 0;
            }
            case Terminal.TIOCSPGRP -> {
                checkForeground(Signals.SIGTTOU);
                if (caller == null || caller.terminal() != this || session() != caller.session()) {
                    throw ENOTTY.error();
                }
                int id = getInt(memory, argument);
                if (id < 0) {
                    throw EINVAL.error();
                }
                TerminalGroup group = caller.groupById(id);
                if (group.session() != caller.session()) {
                    throw EPERM.error("a process group of another session");
                }
                lock.lock();
                try {
                    foreground = group;
                } finally {
                    lock.unlock();
                }
                return 0;
            }
            case Terminal.TIOCGSID -> {
                TerminalSession controlled = session();
                if (caller == null || !isMaster && caller.terminal() != this || controlled == null) {
                    throw ENOTTY.error();
                }
                putInt(memory, argument, caller.idOf(controlled));
                return 0;
            }
            case Terminal.TIOCEXCL, Terminal.TIOCNXCL -> {
                lock.lock();
                isExclusive = command == Terminal.TIOCEXCL;
                lock.unlock();
                return 0;
            }
            case (int) Terminal.TIOCGEXCL -> {
                putInt(memory, argument, isExclusive ? 1 : 0);
                return 0;
            }
            case (int) Terminal.TIOCGDEV -> {
                putInt(memory, argument, (int) DeviceNumbers.of(major, minor));
                return 0;
            }
            default -> {
                return NOT_MINE;
            }
        }
    }

    private void becomeControlling(JobControl caller, long steal, int flags) throws ErrnoException {
        if (caller == null) {
            throw EPERM.error();
        }
        TerminalSession controlled = session();
        if (caller.isSessionLeader() && controlled == caller.session()) {
            return;
        }
        if (!caller.isSessionLeader() || caller.terminal() != null) {
            throw EPERM.error("no session leader, or it has a terminal");
        }
        boolean isAdmin = caller.credentials().has(Capability.CAP_SYS_ADMIN);
        if (controlled != null) {
            if (steal != 1 || !isAdmin) {
                throw EPERM.error("the terminal controls another session");
            }
            controlled.detachTerminal(this);
        }
        if ((flags & Fcntl.O_ACCMODE) == Fcntl.O_WRONLY && !isAdmin) {
            throw EPERM.error("not open for reading");
        }
        control(caller.session(), caller.group());
    }

    /** Reads an int of the guest. */
    protected static int getInt(IoctlMemory memory, long address) throws ErrnoException {
        MemorySegment value = MemorySegment.ofArray(new byte[4]);
        memory.copyIn(address, value);
        return value.get(U32, 0);
    }

    /** Writes an int of the guest. */
    protected static void putInt(IoctlMemory memory, long address, int number) throws ErrnoException {
        MemorySegment value = MemorySegment.ofArray(new byte[4]);
        value.set(U32, 0, number);
        memory.copyOut(address, value);
    }
}
