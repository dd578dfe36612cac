package dev.caisson.syscalls.file;

import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.Task;

/** Signals that go to the calling thread because of what it wrote: SIGPIPE, SIGXFSZ. */
final class Kill {
    private Kill() {}

    static void self(Task task, int signal) {
        task.process().signals().send(
                SignalInfo.sent(signal, SignalCodes.SI_USER, task.process().pid(), task.credentials().uid()), task.signals(), false);
    }
}
