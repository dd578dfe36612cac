package dev.caisson.kernel.syscall;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskState;

/** Answers one system call that decides how the caller goes on: execve, exit, rt_sigreturn. */
@FunctionalInterface
public interface ControlHandler {
    /**
     * Carries the call out, on the calling task's thread. It sets the registers itself, the result included.
     *
     * @param task the caller
     * @param args its arguments; valid until the call returns
     * @return how the task goes on
     * @throws ErrnoException the error for the guest; the task then goes on behind the call
     */
    TaskState handle(Task task, SyscallArgs args) throws ErrnoException;
}
