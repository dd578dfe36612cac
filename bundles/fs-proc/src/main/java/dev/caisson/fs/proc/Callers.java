package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.JobControl;

/** The task on whose thread a file of proc is being used: "self" depends on it. */
final class Callers {
    private Callers() {}

    /** {@return the task} */
    static Task current() throws ErrnoException {
        Task task = currentOrNull();
        if (task == null) {
            throw ENOENT.error("not on a task's thread");
        }
        return task;
    }

    /** {@return the task, or null on a thread of the kernel's own} */
    static Task currentOrNull() {
        return Thread.currentThread() instanceof JobControl.Holder holder && holder.jobControl() instanceof Task task ? task : null;
    }
}
