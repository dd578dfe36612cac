package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.HeldProcess;
import java.util.List;

/** A process of a container that was started from outside: its first one, or one that was executed in it. Thread-safe. */
public final class ContainerProcess {
    private final HeldProcess held;
    private final ContainerStdio stdio;
    private final int pid;
    private final String path;
    private final List<String> arguments;
    private final List<String> environment;

    ContainerProcess(HeldProcess held, ContainerStdio stdio, String path, List<String> arguments, List<String> environment) {
        this.held = held;
        this.stdio = stdio;
        this.pid = held.process().pid();
        this.path = path;
        this.arguments = arguments;
        this.environment = environment;
        onExit(stdio::close);
    }

    /** {@return its number in the container} */
    public int pid() {
        return pid;
    }

    /** {@return the process, also before its start} */
    GuestProcess process() {
        return held.process();
    }

    /** {@return the process; null before its start} */
    public GuestProcess guest() {
        return held.isStarted() ? held.process() : null;
    }

    void start() throws SandboxException {
        if (held.isStarted()) {
            throw new SandboxException("the container is not in the state created", null);
        }
        stdio.control(held.process());
        try {
            held.start(path, arguments, environment);
        } catch (ErrnoException e) {
            throw ContainerPrograms.failure(arguments.getFirst(), e.errno());
        }
    }

    boolean isStarted() {
        return held.isStarted();
    }

    /** {@return whether it has ended} */
    public boolean isOver() {
        return held.hasEnded();
    }

    /**
     * Waits for its end.
     *
     * @return its status as wait(2) tells it: exit code times 256, or the signal
     * @throws InterruptedException when the calling thread is interrupted
     */
    public int awaitExit() throws InterruptedException {
        return held.awaitEnd();
    }

    /**
     * Has something done when it has ended, on a thread of its own.
     *
     * @param action what; {@link #awaitExit} returns at once for it
     */
    public void onExit(Runnable action) {
        Thread waiter = new Thread(() -> {
            try {
                held.awaitEnd();
            } catch (InterruptedException e) {
                return; // nobody interrupts it
            }
            action.run();
        }, "exit of " + pid);
        waiter.setDaemon(true);
        waiter.start();
    }

    /**
     * Sends a signal from outside of the container. Before the start, one that would end a program ends it.
     *
     * @param signal number; 0 does nothing
     */
    public void signal(int signal) {
        if (signal == 0) {
            return;
        }
        boolean isHarmless = switch (signal) {
            case Signals.SIGCHLD, Signals.SIGCONT, Signals.SIGURG, Signals.SIGWINCH, Signals.SIGSTOP, Signals.SIGTSTP, Signals.SIGTTIN,
                    Signals.SIGTTOU -> true;
            default -> false;
        };
        if (!held.isStarted() && (isHarmless || held.cancel())) {
            return;
        }
        held.process().sendSignal(SignalInfo.kernel(signal));
    }

    /** Ends it, whatever its state. */
    void kill() {
        signal(Signals.SIGKILL);
    }
}
