package dev.caisson.syscalls.file;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.ProcessGroup;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EpollFile;
import dev.caisson.kernel.event.EventFile;
import dev.caisson.kernel.signal.SignalFile;
import dev.caisson.kernel.time.TimerFile;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileOwner;

/**
 * O_ASYNC: SIGIO, or the signal of F_SETSIG, when a file becomes ready; the same signal for leases and directories. And SIGURG for urgent
 * data of a socket, which its owner gets without O_ASYNC, too.
 */
final class AsyncSignals implements Waiter {
    private static final int EVENTS = Poll.POLLIN | Poll.POLLOUT | Poll.POLLPRI | Poll.POLLRDHUP;
    private static final int POLL_IN = 1;
    private static final int POLL_OUT = 2;
    private static final int POLL_MSG = 3;
    private static final int POLL_PRI = 5;
    private static final int POLL_HUP = 6;
    /** si_band by si_code: band_table of fs/fcntl.c. */
    private static final int[] BANDS = {0, 0x41, 0x304, 0x441, 0x8, 0x82, 0x18};

    private final FileDescription description;
    /** The descriptor that O_ASYNC was set with, for si_fd. */
    private volatile int fd;
    /** What this is registered for in the file's wait queue; 0 when it is not. */
    private volatile int events;

    private AsyncSignals(FileDescription description) {
        this.description = description;
    }

    /** Whether the file has anything to say later; those without fasync of Linux have not. */
    static boolean isPossible(FileDescription description) {
        OpenFile file = description.file();
        return description.waitQueue() != null && !(file instanceof EventFile || file instanceof TimerFile
                || file instanceof SignalFile || file instanceof EpollFile);
    }

    /** Starts or stops sending, as O_ASYNC says. */
    static void follow(FileDescription description, int fd) {
        AsyncSignals waiter = follow(description);
        if (waiter != null) {
            waiter.fd = fd;
        }
    }

    /** Starts or stops sending after a change of the owner; null when there never was anything to send. */
    static AsyncSignals follow(FileDescription description) {
        WaitQueue queue = description.waitQueue();
        if (queue == null) {
            return null;
        }
        synchronized (description) {
            boolean hasUrgentData = description.file() instanceof SocketFile && description.owner().target() != null;
            int wanted = (description.flags() & Fcntl.O_ASYNC) != 0 ? EVENTS : hasUrgentData ? Poll.POLLPRI : 0;
            AsyncSignals waiter = (AsyncSignals) description.asyncWaiter();
            if (waiter == null) {
                if (wanted == 0) {
                    return null;
                }
                AsyncSignals made = new AsyncSignals(description);
                description.asyncWaiter(made);
                description.onClose(() -> queue.remove(made));
                waiter = made;
            }
            if (waiter.events != wanted) {
                queue.remove(waiter);
                waiter.events = wanted;
                if (wanted != 0) {
                    queue.add(waiter, wanted);
                }
            }
            return waiter;
        }
    }

    @Override
    public void onEvent(int happened) {
        if ((happened & Poll.POLLPRI) != 0 && description.file() instanceof SocketFile) {
            sendLater(description, SignalInfo.kernel(Signals.SIGURG));
        }
        if (events == EVENTS) {
            int code = (happened & Poll.POLLHUP) != 0 ? POLL_HUP : (happened & Poll.POLLIN) != 0 ? POLL_IN
                    : (happened & Poll.POLLPRI) != 0 ? POLL_PRI : POLL_OUT;
            sendLater(description, signal(description.owner(), fd, code));
        }
    }

    /** A lease is being broken: at once, since the caller holds no locks and will wait for what the holder does. */
    static void sendMessageNow(FileDescription description, int fd) {
        FileOwner owner = description.owner();
        if (owner.target() != null) {
            send(owner, signal(owner, fd, POLL_MSG));
        }
    }

    /** Something happened in a directory. */
    static void sendMessage(FileDescription description, int fd) {
        sendLater(description, signal(description.owner(), fd, POLL_MSG));
    }

    /**
     * The source may hold locks that come after those of signals: a task sends when its call is over, which is still before its guest can see
     * the event's other effects; for threads that run no guest another thread sends.
     */
    private static void sendLater(FileDescription description, SignalInfo info) {
        FileOwner owner = description.owner();
        if (owner.target() == null) {
            return;
        }
        Task current = Task.current();
        if (current != null) {
            current.afterCall(() -> send(owner, info));
        } else {
            Thread.startVirtualThread(() -> send(owner, info));
        }
    }

    private static SignalInfo signal(FileOwner owner, int fd, int code) {
        return owner.signal() == 0 ? SignalInfo.kernel(Signals.SIGIO) : new SignalInfo(owner.signal(), 0, code, BANDS[code], fd, 0, 0);
    }

    private static void send(FileOwner owner, SignalInfo info) {
        switch (owner.target()) {
            case Task task -> task.process().signals().send(info, task.signals(), false);
            case GuestProcess process -> process.sendSignal(info);
            case ProcessGroup group -> group.members().forEach(member -> member.sendSignal(info));
            default -> throw new IllegalStateException("owner of a file: " + owner.target());
        }
    }
}
