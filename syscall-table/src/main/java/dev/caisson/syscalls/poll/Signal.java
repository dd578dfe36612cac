package dev.caisson.syscalls.poll;

import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.Task;

/** Signals that go to the calling thread because of what it wrote. */
public final class Signal {
    private Signal() {}

    /**
     * Sends.
     *
     * @param task the calling task
     * @param signal SIGPIPE
     */
    public static void self(Task task, int signal) {
        task.process().signals().send(
                SignalInfo.sent(signal, SignalCodes.SI_USER, task.process().pid(), task.credentials().uid()), task.signals(), false);
    }
}
