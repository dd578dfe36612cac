package dev.caisson.control.lifecycle;

import dev.caisson.abi.Signals;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.TerminalGroup;

/**
 * A process of the guest that one of the host stands for.
 *
 * @param process the guest's
 * @param isForeground whether it goes on when the host's is killed, as one that runs in a shell's foreground does with runc
 */
record AttachedProcess(ContainerProcess process, boolean isForeground) implements ContainerServer.Attached {
    /** Signals of the host's terminal are for whoever is in the foreground of it in the guest. */
    @Override
    public void signal(int signal, boolean isFromTerminal) {
        TerminalGroup foreground = isFromTerminal || signal == Signals.SIGWINCH ? foreground() : null;
        if (foreground != null) {
            foreground.signal(signal);
        } else {
            process.signal(signal);
        }
    }

    private TerminalGroup foreground() {
        GuestProcess guest = process.guest();
        ControllingTerminal terminal = guest == null || guest.session() == null ? null : guest.session().terminal();
        return terminal == null ? null : terminal.foreground();
    }

    @Override
    public int awaitEnd() {
        boolean isInterrupted = false;
        try {
            while (true) {
                try {
                    return process.awaitExit();
                } catch (InterruptedException e) {
                    isInterrupted = true;
                }
            }
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void abandon() {
        if (!isForeground && !process.isOver()) {
            process.signal(Signals.SIGKILL);
        }
    }
}
