package dev.caisson.fs.dev.tty;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;

/** An open slave side of a pair. */
final class PtySlaveFile extends OpenFile implements Pty.SlaveReader {
    /** A deadline that passed this long ago was of a read that a signal ended. */
    private static final long STALE_NS = 1_000_000_000L;

    private final Pty pty;
    private volatile int flags;
    private long deadlineNs;

    PtySlaveFile(Pty pty, int flags) {
        this.pty = pty;
        this.flags = flags;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        return pty.readSlave(target, this);
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        return pty.writeSlave(source);
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        return pty.writeSlave(source);
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        return pty.slaveIoctl(memory, command, argument, flags);
    }

    @Override
    public void statusChanged(int newFlags) {
        flags = newFlags;
    }

    @Override
    public int readiness(int mask) {
        return pty.slaveReadiness() & (mask | Poll.POLLERR | Poll.POLLHUP);
    }

    @Override
    public WaitQueue waitQueue() {
        return pty.slaveWaiters;
    }

    @Override
    public void close() {
        pty.slaveClosed();
    }

    @Override
    public boolean isNonBlocking() {
        return (flags & Fcntl.O_NONBLOCK) != 0;
    }

    @Override
    public void forgetDeadline() {
        deadlineNs = 0;
    }

    @Override
    public boolean deadlinePassed(long timeNs) {
        long now = System.nanoTime();
        if (deadlineNs == 0 || now - deadlineNs > STALE_NS) {
            deadlineNs = now + timeNs;
            TerminalTimer.notifyAfter(timeNs, pty.slaveWaiters, Poll.POLLIN);
            return false;
        }
        if (now - deadlineNs >= 0) {
            deadlineNs = 0;
            return true;
        }
        return false;
    }
}
