package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOPKG;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.pipe.Pipe;
import dev.caisson.kernel.pipe.PipeFile;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.AnonymousFiles;
import dev.caisson.vfs.FileDescription;

/** pipe(2), pipe2(2). */
public final class SysPipe {
    private SysPipe() {}

    /** pipe(2). */
    public static long pipe(Task task, SyscallArgs args) throws ErrnoException {
        return create(task, args.address(0), 0);
    }

    /** pipe2(2). */
    public static long pipe2(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        if ((flags & Fcntl.O_EXCL) != 0) {
            throw ENOPKG.error("O_NOTIFICATION_PIPE: no watch queues");
        }
        if ((flags & ~(Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_DIRECT)) != 0) {
            throw EINVAL.error();
        }
        return create(task, args.address(0), flags);
    }

    private static long create(Task task, long address, int flags) throws ErrnoException {
        AnonymousFiles files = task.kernel().vfs().anonymous();
        AnonymousFiles.Node node = files.node(AnonymousFiles.Kind.PIPE, "", task.credentials());
        Pipe pipe = node.attachment(Pipe.class, Pipe::new); // /proc/PID/fd/N opens it again from here
        int status = flags & (Fcntl.O_NONBLOCK | Fcntl.O_DIRECT);
        FileDescription reader = files.describe(node, new PipeFile(pipe, Fcntl.O_RDONLY | status & Fcntl.O_NONBLOCK),
                Fcntl.O_RDONLY | status & Fcntl.O_NONBLOCK, task.credentials());
        FileDescription writer = files.describe(node, new PipeFile(pipe, Fcntl.O_WRONLY | status), Fcntl.O_WRONLY | status,
                task.credentials());
        Pair.install(task, reader, writer, (flags & Fcntl.O_CLOEXEC) != 0, address);
        return 0;
    }
}
