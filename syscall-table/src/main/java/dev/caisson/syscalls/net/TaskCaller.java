package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EEXIST;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.kernel.unix.UnixCaller;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** A task as sockets see it. */
record TaskCaller(Task task) implements UnixCaller {
    @Override
    public Credentials credentials() {
        return task.credentials();
    }

    @Override
    public int processId() {
        return task.process().pid();
    }

    @Override
    public int firstUnprivilegedPort() {
        return KernelNetwork.of(task.kernel()).firstUnprivilegedPort();
    }

    @Override
    public Inode createSocketNode(String path) throws ErrnoException {
        try {
            Location made = task.kernel().vfs().mknod(task, null, path, Stat.S_IFSOCK | 0777, 0);
            made.dentry().pin();
            return made.inode();
        } catch (ErrnoException failure) {
            throw failure.errno() == EEXIST ? EADDRINUSE.error() : failure;
        }
    }

    @Override
    public Inode findSocketNode(String path) throws ErrnoException {
        Inode inode = task.kernel().vfs().resolve(task, null, path, PathWalker.FOLLOW).inode();
        inode.checkAccess(Fcntl.W_OK, task.credentials());
        return inode;
    }
}
