package dev.caisson.fs.dev.stdio;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.HostWatcher;

/** The host's file behind a standard stream. Two streams to one file have one inode. */
final class HostStdioInode extends Inode {
    private final FileSystem fileSystem;
    /** Kept for questions and for opening by way of /proc/self/fd; the caller's descriptor, never closed here. */
    private final int fd;
    private final HostWatcher watcher;
    private final MemoryFile memory;
    private volatile HostStat last;
    private volatile boolean isStarted;
    /** Guarded by this: the number of the descriptor may be that of another file then. */
    private boolean isLost;

    HostStdioInode(FileSystem fileSystem, int fd, HostStat status, HostWatcher watcher, MemoryFile memory) {
        this.fileSystem = fileSystem;
        this.fd = fd;
        this.last = status;
        this.watcher = watcher;
        this.memory = memory;
    }

    /** The streams are open; from now on the guest opens them again, by /proc/self/fd. */
    void started() {
        isStarted = true;
    }

    /** The descriptor is about to be closed; open files stay what they are. */
    synchronized void lose() {
        isLost = true;
    }

    long hostFlags() {
        return HostFile.flags(fd);
    }

    HostStat status() {
        return last;
    }

    @Override
    public FileSystem fileSystem() {
        return fileSystem;
    }

    @Override
    public synchronized Attributes attributes() throws ErrnoException {
        HostStat s = isLost ? last : HostStat.of(fd);
        last = s;
        return new Attributes(fileSystem.deviceId(), s.inode(), s.mode(), (int) s.links(), s.uid(), s.gid(), s.rawDevice(),
                s.sizeBytes(), (int) s.blockBytes(), s.blocks(), s.accessNs(), s.modifyNs(), s.changeNs(), Long.MIN_VALUE);
    }

    @Override
    public int mode() {
        return last.mode();
    }

    @Override
    public int uid() {
        return last.uid();
    }

    @Override
    public int gid() {
        return last.gid();
    }

    @Override
    public long number() {
        return last.inode();
    }

    @Override
    public void checkAccess(int mask, dev.caisson.spi.cred.Credentials credentials) {
        // Whoever has one of the streams may open it again: the owner on the host says nothing about users of the guest.
    }

    @Override
    public synchronized void change(AttributeChange change) throws ErrnoException {
        checkNotLost();
        if (change.has(AttributeChange.SIZE)) {
            Errno.check(HostFile.truncate(fd, change.sizeBytes()));
        }
        if (change.has(AttributeChange.MODE)) {
            Errno.check(HostFile.changeMode(fd, change.mode()));
        }
        if (change.has(AttributeChange.UID) || change.has(AttributeChange.GID)) {
            throw Errno.EPERM.error("the owner of the host's file stays");
        }
    }

    @Override
    public synchronized OpenFile open(int flags) throws ErrnoException {
        checkNotLost();
        int type = last.type();
        if (type == Stat.S_IFSOCK && isStarted) {
            throw Errno.ENXIO.error("a socket cannot be opened by a name");
        }
        int own = (int) Errno.check(HostFile.duplicate(fd, 3));
        if (type == Stat.S_IFREG) {
            return new HostOffsetFile(own, (int) HostFile.flags(own), memory);
        }
        if (type == Stat.S_IFIFO) {
            int access = (int) HostFile.flags(own) & Fcntl.O_ACCMODE;
            long again = HostPath.open(Fcntl.AT_FDCWD, "/proc/self/fd/" + fd,
                    access | Fcntl.O_NONBLOCK | Fcntl.O_CLOEXEC | Fcntl.O_NOCTTY, 0);
            if (again >= 0) {
                HostFile.close(own);
                return new HostStreamFile((int) again, type, true, watcher);
            }
        }
        return new HostStreamFile(own, type, false, watcher);
    }

    private void checkNotLost() throws ErrnoException {
        if (isLost) {
            throw Errno.ENXIO.error("the process that brought the stream is over");
        }
    }
}
