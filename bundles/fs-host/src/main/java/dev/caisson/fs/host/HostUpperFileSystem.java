package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.UpperLayer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A directory of the host that takes the changes of an overlay, and its work directory, which has {@code work}, emptied at every mount, and
 * {@code index} inside, as Linux's overlayfs has. Nobody else changes the files meanwhile: both directories are locked with flock(2).
 */
public final class HostUpperFileSystem extends HostFileSystem implements UpperLayer {
    private static final int LOCK_EX_NB = 2 | 4;
    private static final int DIRECTORY_FLAGS = Fcntl.O_RDONLY | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;

    private final int upperLock;
    private final int workLock;
    private final int workFd;
    private final int indexFd;
    private final HostDirectory work;
    private final HostDirectory index;
    private final HostBudget budget;
    private final int umask;
    private final AtomicLong temporaries = new AtomicLong();

    /**
     * Mounts.
     *
     * @param upper absolute path of the directory on the host
     * @param workPath absolute path of the work directory, on the same filesystem, not inside the other or around it; is made if missing
     * @param limitBytes what the files may take, those that are there already included; 0 for no limit
     * @param memory where cached pages live
     * @throws ErrnoException EINVAL for directories that do not go together, EBUSY when somebody uses one of them, ENOENT, EACCES
     */
    public HostUpperFileSystem(String upper, String workPath, long limitBytes, MemoryFile memory) throws ErrnoException {
        super(upper, CacheMode.EXCLUSIVE, false, memory);
        int[] opened = {-1, -1, -1, -1};
        try {
            checkApart(upper, workPath);
            opened[0] = (int) Errno.check(HostPath.open(rootFd(), ".", DIRECTORY_FLAGS, 0));
            HostPath.makeDirectory(Fcntl.AT_FDCWD, workPath, 0700);
            opened[1] = (int) Errno.check(HostPath.open(Fcntl.AT_FDCWD, workPath, DIRECTORY_FLAGS, 0));
            if (HostStatus.of(opened[1]).device() != rootDevice()) {
                throw EINVAL.explained("the work directory is on another filesystem than the upper directory");
            }
            lock(opened[0]);
            lock(opened[1]);
            HostTree.remove(opened[1], "work");
            Errno.check(HostPath.makeDirectory(opened[1], "work", 0700));
            opened[2] = (int) Errno.check(HostPath.open(opened[1], "work", DIRECTORY_FLAGS, 0));
            long made = HostPath.makeDirectory(opened[1], "index", 0700);
            if (made < 0 && made != -Errno.EEXIST.number()) {
                Errno.check(made);
            }
            opened[3] = (int) Errno.check(HostPath.open(opened[1], "index", DIRECTORY_FLAGS, 0));
            this.upperLock = opened[0];
            this.workLock = opened[1];
            this.workFd = opened[2];
            this.indexFd = opened[3];
            this.work = top(workFd, HostStatus.of(workFd));
            this.index = top(indexFd, HostStatus.of(indexFd));
            this.budget = limitBytes <= 0 ? null : new HostBudget(limitBytes, HostTree.usedBytes(upperLock, HostBudget.FILE_BYTES));
            this.umask = umask();
        } catch (ErrnoException | RuntimeException e) {
            for (int fd : opened) {
                if (fd >= 0) {
                    HostFile.close(fd);
                }
            }
            super.close();
            throw e;
        }
    }

    private static void checkApart(String upper, String workPath) throws ErrnoException {
        if (!workPath.startsWith("/")) {
            throw EINVAL.explained("the path of the work directory must be absolute");
        }
        Path first = Path.of(upper).normalize();
        Path second = Path.of(workPath).normalize();
        if (first.startsWith(second) || second.startsWith(first)) {
            throw EINVAL.explained("upper directory and work directory must not contain each other");
        }
    }

    private static void lock(int fd) throws ErrnoException {
        long locked = HostFile.lock(fd, LOCK_EX_NB);
        if (locked == -Errno.EAGAIN.number()) {
            throw EBUSY.explained("the upper directory or its work directory is in use");
        }
        Errno.check(locked);
    }

    private static int umask() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("Umask:")) {
                    return Integer.parseInt(line.substring(6).strip(), 8);
                }
            }
        } catch (IOException | NumberFormatException e) {
            return 0777; // then every mode is set after the file was made
        }
        return 0777;
    }

    @Override
    public Inode workDirectory() {
        return work;
    }

    @Override
    public Inode indexDirectory() {
        return index;
    }

    @Override
    public void refresh() throws ErrnoException {
        publish();
        forgetAll();
        if (budget != null) {
            budget.usedBytes(HostTree.usedBytes(upperLock, HostBudget.FILE_BYTES));
        }
    }

    @Override
    public boolean isStored() {
        return true;
    }

    @Override
    public long usedBytes() {
        if (budget != null) {
            return budget.usedBytes();
        }
        try {
            FileSystemStatus host = super.status();
            return (host.blocks() - host.freeBlocks()) * host.blockBytes();
        } catch (ErrnoException e) {
            return 0;
        }
    }

    @Override
    public long freeBytes() {
        return budget != null ? budget.freeBytes() : Long.MAX_VALUE;
    }

    /** With a limit, the filesystem is as large as that, or as what the host has left. */
    @Override
    public FileSystemStatus status() throws ErrnoException {
        FileSystemStatus host = super.status();
        if (budget == null) {
            return host;
        }
        long size = Math.max(1, host.blockBytes());
        long free = Math.min(budget.freeBytes() / size, host.availableBlocks());
        return new FileSystemStatus(host.magic(), size, budget.usedBytes() / size + free, free, free, host.files(), host.freeFiles(), host.id(),
                host.nameBytes());
    }

    @Override
    boolean isLayer() {
        return true;
    }

    @Override
    int workFd() {
        return workFd;
    }

    @Override
    String temporaryName() {
        return "+" + Long.toHexString(temporaries.incrementAndGet());
    }

    @Override
    boolean makesExactly(NewNode node, int directoryMode) {
        boolean isLink = (node.mode() & Stat.S_IFMT) == Stat.S_IFLNK;
        return node.uid() == HostCredentials.effectiveUser() && node.gid() == HostCredentials.effectiveGroup()
                && (directoryMode & Stat.S_ISGID) == 0 && (isLink || (node.mode() & (07000 | umask)) == 0);
    }

    @Override
    HostBudget budget() {
        return budget;
    }

    @Override
    public void close() {
        super.close();
        HostFile.close(workFd);
        HostFile.close(indexFd);
        HostFile.close(workLock);
        HostFile.close(upperLock);
    }
}
