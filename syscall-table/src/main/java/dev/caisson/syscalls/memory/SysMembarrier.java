package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_GLOBAL;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_GLOBAL_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_PRIVATE_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_QUERY;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.ProcessAttachments;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;

/**
 * membarrier(2). Every other thread that runs guest code is interrupted: leaving and entering the guest is a full barrier on each
 * processor.
 */
public final class SysMembarrier {
    private static final int SUPPORTED = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
            | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

    private SysMembarrier() {}

    /** That a process registered its intent; gone with the program. */
    private static final class Registration implements ProcessAttachments.Lifecycle {
        private volatile boolean registered;

        @Override
        public void processExecutes(Task task) {
            registered = false;
        }
    }

    /** membarrier(2). */
    public static long membarrier(Task task, SyscallArgs args) throws ErrnoException {
        int command = args.i32(0);
        if (args.i32(1) != 0) {
            throw EINVAL.error("membarrier: MEMBARRIER_CMD_FLAG_CPU is not supported");
        }
        switch (command) {
            case MEMBARRIER_CMD_QUERY -> {
                return SUPPORTED;
            }
            case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED -> {
                registration(task).registered = true;
                return 0;
            }
            case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED -> {
                return 0;
            }
            case MEMBARRIER_CMD_PRIVATE_EXPEDITED -> {
                if (!registration(task).registered) {
                    throw EPERM.error("membarrier: not registered");
                }
                task.process().tasks().forEach(other -> interrupt(other, task));
                return 0;
            }
            case MEMBARRIER_CMD_GLOBAL, MEMBARRIER_CMD_GLOBAL_EXPEDITED -> {
                task.kernel().rootPids().processes().forEach(process -> process.tasks().forEach(other -> interrupt(other, task)));
                return 0;
            }
            default -> throw EINVAL.error("membarrier: unknown command");
        }
    }

    private static void interrupt(Task other, Task self) {
        var context = other.context();
        if (other != self && context != null) {
            context.interrupt();
        }
    }

    private static Registration registration(Task task) {
        return task.process().attachments().of(Registration.class, Registration::new);
    }
}
