package dev.caisson.fs.dev.stdio;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Terminal;
import dev.caisson.fs.dev.tty.TerminalCore;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostReady;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.HostWatcher;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The terminal that the sandbox runs on, as a terminal of the guest. Data, settings and window size are the host's; which process group is
 * in the foreground is the guest's own business. Signals that the host's terminal makes of its input reach the sandbox's process, which
 * passes them to {@link #signalForeground}.
 */
public final class HostTerminal extends TerminalCore implements AutoCloseable {
    private static final int PTS_MAJOR = 136;
    private static final int EPOLLET = 0x80000000;
    private static final int TERMIOS_BYTES = 36;
    /** What a terminal surely takes when poll(2) says that it is writable, should its descriptor be a blocking one. */
    private static final long CAUTIOUS_BYTES = 256;

    private final int fd;
    private final boolean isNonBlocking;
    private final WaitQueue waiters = new WaitQueue();
    private final HostWatcher.Registration registration;
    private final byte[] originalSettings;
    private volatile byte[] guestSettings;
    /** Guarded by this. */
    private boolean isAdopted;
    /** Open files of the guest. Guarded by this. */
    private int fileCount;
    /** Guarded by this. */
    private boolean isClosed;

    /**
     * Takes a terminal over.
     *
     * @param inherited a descriptor of it, left as it is
     * @param index N of /dev/pts/N in the guest
     * @param watcher tells when it becomes ready
     * @throws ErrnoException ENOTTY when it is no terminal
     */
    public HostTerminal(int inherited, int index, HostWatcher watcher) throws ErrnoException {
        super(PTS_MAJOR, index);
        long again = HostPath.open(Fcntl.AT_FDCWD, "/proc/self/fd/" + inherited,
                Fcntl.O_RDWR | Fcntl.O_NONBLOCK | Fcntl.O_CLOEXEC | Fcntl.O_NOCTTY, 0);
        this.isNonBlocking = again >= 0;
        this.fd = (int) (again >= 0 ? again : Errno.check(HostFile.duplicate(inherited, 3)));
        try {
            this.originalSettings = hostGet(Terminal.TCGETS, TERMIOS_BYTES);
            this.registration = watcher.register(fd, Poll.EPOLLIN | Poll.EPOLLOUT | EPOLLET, waiters::notify);
        } catch (ErrnoException e) {
            HostFile.close(fd);
            throw e;
        }
    }

    @Override
    public OpenFile openControlling(int flags) {
        return new File(flags);
    }

    /**
     * The first session leader that uses the terminal gets it as its controlling one: to the guest's first process it is the terminal that
     * it was started on.
     *
     * @return whether it controls the caller's session now
     */
    public boolean adopt() {
        JobControl caller = JobControl.current();
        if (caller == null || caller.session() == null || !caller.isSessionLeader() || caller.terminal() != null) {
            return false;
        }
        synchronized (this) {
            if (isAdopted) {
                return false;
            }
            isAdopted = true;
        }
        try {
            control(caller.session(), caller.group());
            return true;
        } catch (ErrnoException e) {
            return false; // it got another one meanwhile
        }
    }

    private void apply(byte[] settings) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(TERMIOS_BYTES, 4);
            value.copyFrom(MemorySegment.ofArray(settings));
            HostFile.ioctl(fd, Terminal.TCSETSW, value.address());
        }
    }

    /** The sandbox is about to be stopped: gives the host's terminal the settings it had. */
    void suspend() {
        try {
            guestSettings = hostGet(Terminal.TCGETS, TERMIOS_BYTES);
            apply(originalSettings);
        } catch (ErrnoException e) {
            guestSettings = null; // hung up
        }
    }

    /** The sandbox goes on. */
    void resume() {
        byte[] settings = guestSettings;
        if (settings != null) {
            apply(settings);
        }
        waiters.notify(Poll.POLLIN | Poll.POLLOUT);
    }

    /** Restores the settings and lets the terminal go. */
    @Override
    public void close() {
        apply(originalSettings);
        registration.close();
        synchronized (this) {
            isClosed = true;
            if (fileCount == 0) {
                HostFile.close(fd);
                return;
            }
        }
        // Programs that still have it open must not come by another file of the same number.
        long nothing = HostPath.open(Fcntl.AT_FDCWD, "/dev/null", Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0);
        if (nothing >= 0) {
            HostFile.duplicateTo((int) nothing, fd, Fcntl.O_CLOEXEC);
            HostFile.close((int) nothing);
        }
        waiters.notify(Poll.POLLIN | Poll.POLLOUT | Poll.POLLHUP);
    }

    private synchronized void opened() {
        fileCount++;
    }

    private synchronized void closed() {
        if (--fileCount == 0 && isClosed) {
            HostFile.close(fd);
        }
    }

    private byte[] hostGet(int command, int bytes) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(bytes, 8);
            Errno.check(HostFile.ioctl(fd, command, value.address()));
            return value.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        }
    }

    private long get(IoctlMemory memory, int command, long argument, int bytes) throws ErrnoException {
        memory.copyOut(argument, MemorySegment.ofArray(hostGet(command, bytes)));
        return 0;
    }

    private long set(IoctlMemory memory, int command, long argument, int bytes) throws ErrnoException {
        byte[] copy = new byte[bytes];
        memory.copyIn(argument, MemorySegment.ofArray(copy));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(bytes, 8);
            value.copyFrom(MemorySegment.ofArray(copy));
            return Errno.check(HostFile.ioctl(fd, command, value.address()));
        }
    }

    private boolean stopsBackgroundWriters() throws ErrnoException {
        MemorySegment settings = MemorySegment.ofArray(hostGet(Terminal.TCGETS, TERMIOS_BYTES));
        return (settings.get(Layouts.U32, 12) & Terminal.TOSTOP) != 0;
    }

    /** Marks open files of a host terminal. */
    interface Side {}

    /** An open file of this terminal. */
    private final class File extends OpenFile implements Side {
        private final int flags;

        File(int flags) {
            this.flags = flags;
            opened();
        }

        @Override
        public void close() {
            closed();
        }

        @Override
        public boolean isSeekable() {
            return false;
        }

        private boolean isReady(int events) {
            if (isNonBlocking) {
                return true;
            }
            long ready = HostReady.poll(fd, events);
            return ready < 0 || (ready & (events | Poll.POLLERR | Poll.POLLHUP)) != 0;
        }

        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            adopt();
            checkForeground(Signals.SIGTTIN);
            if (!isReady(Poll.POLLIN)) {
                return WOULD_BLOCK;
            }
            MemorySegment run = target.run();
            long got = HostFile.read(fd, run.address(), run.byteSize());
            if (got == WOULD_BLOCK) {
                return WOULD_BLOCK;
            }
            if (got == -Errno.EIO.number()) {
                stopWithHostGroup();
            }
            target.advance(Errno.check(got));
            return got;
        }

        /**
         * The host refuses, since the sandbox itself is in the background and has SIGTTIN blocked: the reader gets the signal instead, and
         * the sandbox stops with it.
         */
        private void stopWithHostGroup() throws ErrnoException {
            JobControl caller = JobControl.current();
            if (caller != null && caller.group() != null && HostProcess.foregroundGroup(fd) != HostProcess.group(0)
                    && !caller.isBlockedOrIgnored(Signals.SIGTTIN)) {
                caller.group().signal(Signals.SIGTTIN);
                throw Errno.ERESTARTSYS.error();
            }
        }

        @Override
        public long write(IoBuffer source, long position) throws ErrnoException {
            if (isBackground() && stopsBackgroundWriters()) {
                checkForeground(Signals.SIGTTOU);
            }
            return source.transfer(isNonBlocking ? Long.MAX_VALUE : CAUTIOUS_BYTES,
                    (run, bytes, done) -> isReady(Poll.POLLOUT) ? HostFile.write(fd, run.address(), bytes) : WOULD_BLOCK);
        }

        private boolean isBackground() {
            JobControl caller = JobControl.current();
            return caller != null && foreground() != null && foreground() != caller.group();
        }

        @Override
        public long append(IoBuffer source) throws ErrnoException {
            return write(source, NO_POSITION);
        }

        /** Only requests that are known to do nothing but what they say go to the host; numbers are checked, structures copied. */
        @Override
        public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
            adopt();
            switch (command) {
                case Terminal.TCGETS -> {
                    return get(memory, command, argument, TERMIOS_BYTES);
                }
                case (int) Terminal.TCGETS2 -> {
                    return get(memory, command, argument, 44);
                }
                case Terminal.TCGETA -> {
                    return get(memory, command, argument, 18);
                }
                case Terminal.TIOCGWINSZ -> {
                    return get(memory, command, argument, 8);
                }
                case Terminal.FIONREAD, Terminal.TIOCOUTQ, Terminal.TIOCGETD -> {
                    return get(memory, command, argument, 4);
                }
                case Terminal.TCSETS, Terminal.TCSETSW, Terminal.TCSETSF -> {
                    checkForeground(Signals.SIGTTOU);
                    return set(memory, command, argument, TERMIOS_BYTES);
                }
                case Terminal.TCSETS2, Terminal.TCSETSW2, Terminal.TCSETSF2 -> {
                    checkForeground(Signals.SIGTTOU);
                    return set(memory, command, argument, 44);
                }
                case Terminal.TCSETA, Terminal.TCSETAW, Terminal.TCSETAF -> {
                    checkForeground(Signals.SIGTTOU);
                    return set(memory, command, argument, 18);
                }
                case Terminal.TIOCSWINSZ -> {
                    return set(memory, command, argument, 8);
                }
                case Terminal.TCFLSH, Terminal.TCXONC, Terminal.TCSBRK, Terminal.TCSBRKP -> {
                    checkForeground(Signals.SIGTTOU);
                    return Errno.check(HostFile.ioctl(fd, command, argument));
                }
                default -> {
                    long result = sessionIoctl(memory, command, argument, flags, false);
                    if (result == NOT_MINE) {
                        throw Errno.ENOTTY.error();
                    }
                    return result;
                }
            }
        }

        @Override
        public int readiness(int mask) {
            long ready = HostReady.poll(fd, mask);
            return ready < 0 ? Poll.POLLERR : (int) ready;
        }

        @Override
        public WaitQueue waitQueue() {
            return waiters;
        }
    }
}
