package dev.caisson.kernel.syscall;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;

/** Answers one system call whose caller goes on behind it. */
@FunctionalInterface
public interface SyscallHandler {
    /**
     * Carries the call out, on the calling task's thread.
     *
     * @param task the caller
     * @param args its arguments; valid until the call returns
     * @return the result for rax
     * @throws ErrnoException the error for the guest, or a restart code
     */
    long handle(Task task, SyscallArgs args) throws ErrnoException;
}
