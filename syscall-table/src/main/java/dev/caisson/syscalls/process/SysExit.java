package dev.caisson.syscalls.process;

import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskState;
import dev.caisson.kernel.syscall.SyscallArgs;

/** _exit(2), exit_group(2). */
public final class SysExit {
    private SysExit() {}

    /** exit(2): this thread only. */
    public static TaskState exit(Task task, SyscallArgs args) {
        task.exitStatus((args.i32(0) & 0xff) << 8);
        return TaskState.EXIT;
    }

    /** exit_group(2): all threads. A group that is ending already keeps its status. */
    public static TaskState exitGroup(Task task, SyscallArgs args) {
        int status = (args.i32(0) & 0xff) << 8;
        task.process().exitGroup(status);
        task.exitStatus(task.process().signals().endStatus());
        return TaskState.EXIT;
    }
}
