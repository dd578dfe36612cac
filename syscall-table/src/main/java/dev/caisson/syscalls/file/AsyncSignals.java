package dev.caisson.syscalls.file;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.ProcessGroup;
import dev.caisson.kernel.Task;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileOwner;

/** O_ASYNC: SIGIO, or the signal of F_SETSIG, when a file becomes ready. */
final class AsyncSignals implements Waiter {
    private static final int EVENTS = Poll.POLLIN | Poll.POLLOUT | Poll.POLLPRI | Poll.POLLRDHUP;
    private static final int POLL_IN = 1;
    private static final int POLL_OUT = 2;
    private static final int POLL_HUP = 6;

    private final FileDescription description;

    private AsyncSignals(FileDescription description) {
        this.description = description;
    }

    /** Starts or stops sending, as O_ASYNC says. */
    static void follow(Kernel kernel, FileDescription description) {
        WaitQueue queue = description.waitQueue();
        if (queue == null) {
            return;
        }
        synchronized (description) {
            boolean wanted = (description.flags() & Fcntl.O_ASYNC) != 0;
            Object old = description.asyncWaiter();
            if (wanted && old == null) {
                AsyncSignals waiter = new AsyncSignals(description);
                description.asyncWaiter(waiter);
                description.onClose(() -> queue.remove(waiter));
                queue.add(waiter, EVENTS);
            } else if (!wanted && old != null) {
                queue.remove((Waiter) old);
                description.asyncWaiter(null);
            }
        }
    }

    /** The source may hold locks that come after those of signals, so another thread sends. */
    @Override
    public void onEvent(int events) {
        FileOwner owner = description.owner();
        if (owner.target() != null) {
            Thread.startVirtualThread(() -> send(owner, events));
        }
    }

    private void send(FileOwner owner, int events) {
        int code = (events & Poll.POLLHUP) != 0 ? POLL_HUP : (events & Poll.POLLIN) != 0 ? POLL_IN : POLL_OUT;
        SignalInfo info = owner.signal() == 0 ? SignalInfo.kernel(Signals.SIGIO)
                : new SignalInfo(owner.signal(), 0, code, events, 0, 0, 0);
        switch (owner.target()) {
            case Task task -> task.process().signals().send(info, task.signals(), false);
            case GuestProcess process -> process.sendSignal(info);
            case ProcessGroup group -> group.members().forEach(member -> member.sendSignal(info));
            default -> throw new IllegalStateException("owner of a file: " + owner.target());
        }
    }
}
