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
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileOwner;

/** O_ASYNC: SIGIO, or the signal of F_SETSIG, when a file becomes ready; the same signal for leases and directories. */
final class AsyncSignals implements Waiter {
    private static final int EVENTS = Poll.POLLIN | Poll.POLLOUT | Poll.POLLPRI | Poll.POLLRDHUP;
    private static final int POLL_IN = 1;
    private static final int POLL_OUT = 2;
    private static final int POLL_MSG = 3;
    private static final int POLL_HUP = 6;
    /** si_band by si_code: band_table of fs/fcntl.c. */
    private static final int[] BANDS = {0, 0x41, 0x304, 0x441, 0x8, 0x82, 0x18};

    private final FileDescription description;
    private final int fd;

    private AsyncSignals(FileDescription description, int fd) {
        this.description = description;
        this.fd = fd;
    }

    /** Whether the file has anything to say later; those without fasync of Linux have not. */
    static boolean isPossible(FileDescription description) {
        OpenFile file = description.file();
        return description.waitQueue() != null && !(file instanceof EventFile || file instanceof TimerFile
                || file instanceof SignalFile || file instanceof EpollFile);
    }

    /** Starts or stops sending, as O_ASYNC says. */
    static void follow(FileDescription description, int fd) {
        WaitQueue queue = description.waitQueue();
        if (queue == null) {
            return;
        }
        synchronized (description) {
            boolean wanted = (description.flags() & Fcntl.O_ASYNC) != 0;
            Object old = description.asyncWaiter();
            if (wanted && old == null) {
                AsyncSignals waiter = new AsyncSignals(description, fd);
                description.asyncWaiter(waiter);
                description.onClose(() -> queue.remove(waiter));
                queue.add(waiter, EVENTS);
            } else if (!wanted && old != null) {
                queue.remove((Waiter) old);
                description.asyncWaiter(null);
            }
        }
    }

    @Override
    public void onEvent(int events) {
        int code = (events & Poll.POLLHUP) != 0 ? POLL_HUP : (events & Poll.POLLIN) != 0 ? POLL_IN : POLL_OUT;
        sendLater(description, fd, code);
    }

    /** A lease is being broken: at once, since the caller holds no locks and will wait for what the holder does. */
    static void sendMessageNow(FileDescription description, int fd) {
        FileOwner owner = description.owner();
        if (owner.target() != null) {
            send(owner, fd, POLL_MSG);
        }
    }

    /** Something happened in a directory. */
    static void sendMessage(FileDescription description, int fd) {
        sendLater(description, fd, POLL_MSG);
    }

    /**
     * The source may hold locks that come after those of signals: a task sends when its call is over, which is still before its guest can see
     * the event's other effects; for threads that run no guest another thread sends.
     */
    private static void sendLater(FileDescription description, int fd, int code) {
        FileOwner owner = description.owner();
        if (owner.target() == null) {
            return;
        }
        Task current = Task.current();
        if (current != null) {
            current.afterCall(() -> send(owner, fd, code));
        } else {
            Thread.startVirtualThread(() -> send(owner, fd, code));
        }
    }

    private static void send(FileOwner owner, int fd, int code) {
        SignalInfo info = owner.signal() == 0 ? SignalInfo.kernel(Signals.SIGIO)
                : new SignalInfo(owner.signal(), 0, code, BANDS[code], fd, 0, 0);
        switch (owner.target()) {
            case Task task -> task.process().signals().send(info, task.signals(), false);
            case GuestProcess process -> process.sendSignal(info);
            case ProcessGroup group -> group.members().forEach(member -> member.sendSignal(info));
            default -> throw new IllegalStateException("owner of a file: " + owner.target());
        }
    }
}
