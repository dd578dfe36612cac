package dev.caisson.fs.dev.tty;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Terminal;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Vfs;

/** The master side of a pair; there is one open file for it. */
final class PtyMasterFile extends OpenFile {
    private final Pty pty;
    private volatile int flags;

    PtyMasterFile(Pty pty, int flags) {
        this.pty = pty;
        this.flags = flags;
    }

    /** TIOCGPTPEER: opens the slave side without its name, in the caller's descriptor table. */
    private long openPeer(IoctlMemory memory, int slaveFlags) throws ErrnoException {
        if (!(memory instanceof Task task)) {
            throw Errno.ENOTTY.error();
        }
        if ((slaveFlags & ~(Fcntl.O_ACCMODE | Fcntl.O_NOCTTY | Fcntl.O_NONBLOCK | Fcntl.O_CLOEXEC)) != 0) {
            throw Errno.EINVAL.error();
        }
        Vfs vfs = task.kernel().vfs();
        FileDescription slave;
        OpenFile file = pty.openSlave(slaveFlags, false);
        try {
            Location place = vfs.resolve(task, null, "/dev/pts/" + pty.index(), 0);
            slave = new FileDescription(file, place, slaveFlags & ~Fcntl.O_CLOEXEC, task.credentials(), vfs.watches());
        } catch (ErrnoException e) {
            file.close();
            throw Errno.EIO.error("devpts is not where it should be");
        }
        try {
            return task.fds().install(slave, (slaveFlags & Fcntl.O_CLOEXEC) != 0);
        } catch (ErrnoException e) {
            slave.release();
            throw e;
        }
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        return pty.readMaster(target);
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        return pty.writeMaster(source);
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        return pty.writeMaster(source);
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command == Terminal.TIOCGPTPEER) {
            return openPeer(memory, (int) argument);
        }
        return pty.masterIoctl(memory, command, argument, flags);
    }

    @Override
    public void statusChanged(int newFlags) {
        flags = newFlags;
    }

    @Override
    public int readiness(int mask) {
        return pty.masterReadiness() & (mask | Poll.POLLERR | Poll.POLLHUP);
    }

    @Override
    public WaitQueue waitQueue() {
        return pty.masterWaiters;
    }

    @Override
    public void close() {
        pty.masterClosed();
    }
}
