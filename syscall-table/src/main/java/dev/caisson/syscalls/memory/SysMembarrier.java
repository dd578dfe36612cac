package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_GLOBAL;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_GLOBAL_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_PRIVATE_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_QUERY;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
import static dev.caisson.abi.Prctl.MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.ProcessAttachments;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.platform.GuestContext;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * membarrier(2). Every other thread that runs guest code is interrupted: leaving and entering the guest is a full barrier on each
 * processor.
 */
public final class SysMembarrier {
    /** MEMBARRIER_CMD_GET_REGISTRATIONS, since Linux 6.3. */
    private static final int GET_REGISTRATIONS = 1 << 9;
    private static final int SUPPORTED = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
            | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE
            | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | GET_REGISTRATIONS;

    private static final long STEP_NS = 5_000;

    private SysMembarrier() {}

    /** Which commands a process registered its intent for; gone with the program. */
    private static final class Registration implements ProcessAttachments.Lifecycle {
        private volatile int commands;

        @Override
        public void processExecutes(Task task) {
            commands = 0;
        }
    }

    /** membarrier(2). */
    public static long membarrier(Task task, SyscallArgs args) throws ErrnoException {
        int command = args.i32(0);
        if (args.i32(1) != 0) {
            throw EINVAL.error("membarrier: only RSEQ commands have flags");
        }
        switch (command) {
            case MEMBARRIER_CMD_QUERY -> {
                return SUPPORTED;
            }
            case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
                    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED -> {
                Registration registration = registration(task);
                synchronized (registration) {
                    registration.commands |= command;
                }
                return 0;
            }
            case GET_REGISTRATIONS -> {
                int commands = registration(task).commands;
                boolean core = (commands & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) != 0;
                return core ? commands | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED : commands; // as Linux counts
            }
            case MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE -> {
                // Each command's registration is the next bit. Entering the guest serialises the processor's instructions, too.
                if ((registration(task).commands & command << 1) == 0) {
                    throw EPERM.error("membarrier: not registered");
                }
                passBarrier(task, task.process().tasks());
                return 0;
            }
            case MEMBARRIER_CMD_GLOBAL, MEMBARRIER_CMD_GLOBAL_EXPEDITED -> {
                List<Task> everybody = new ArrayList<>();
                task.kernel().rootPids().processes().forEach(process -> everybody.addAll(process.tasks()));
                passBarrier(task, everybody);
                return 0;
            }
            default -> throw EINVAL.error("membarrier: unknown command");
        }
    }

    /**
     * Returns when every other thread has left guest code once, or was outside: what it did there is then visible, and what it does next
     * comes after all the caller has done.
     */
    private static void passBarrier(Task self, List<Task> tasks) {
        VarHandle.fullFence();
        long[] since = new long[tasks.size()];
        for (int i = 0; i < since.length; i++) {
            Task other = tasks.get(i);
            since[i] = other == self ? 0 : other.runningSince();
            GuestContext context = other.context();
            if (since[i] != 0 && context != null) {
                context.interrupt();
            }
        }
        for (int i = 0; i < since.length; i++) {
            Task other = tasks.get(i);
            while (since[i] != 0 && other.runningSince() == since[i] && other.context() != null && !self.isKilled()) {
                // Leaving takes some microseconds; a thread that has no processor may need longer.
                LockSupport.parkNanos(STEP_NS);
            }
        }
        VarHandle.fullFence();
    }

    private static Registration registration(Task task) {
        return task.process().attachments().of(Registration.class, Registration::new);
    }
}
