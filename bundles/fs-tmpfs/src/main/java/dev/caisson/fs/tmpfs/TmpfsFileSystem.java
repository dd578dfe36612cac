package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.PageBudget;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** One tmpfs. */
public final class TmpfsFileSystem implements FileSystem, PageBudget {
    private static final int PAGE = 4096;
    /** Unnamed devices 0:32 and up, away from those of pipes and sockets. */
    private static final AtomicInteger DEVICES = new AtomicInteger(31);

    private final MemoryFile memory;
    private final TmpfsOptions options;
    private final long device = DEVICES.incrementAndGet();
    private final AtomicLong numbers = new AtomicLong();
    private final AtomicLong pages = new AtomicLong();
    private final AtomicLong inodes = new AtomicLong();
    private final TmpfsDirectory root;

    /**
     * Makes an empty filesystem.
     *
     * @param memory where content lives
     * @param options limits and the root's attributes
     */
    public TmpfsFileSystem(MemoryFile memory, TmpfsOptions options) {
        this.memory = memory;
        this.options = options;
        inodes.incrementAndGet();
        this.root = new TmpfsDirectory(this, new NewNode(Stat.S_IFDIR | options.mode(), options.uid(), options.gid(), 0), null);
    }

    @Override
    public String typeName() {
        return "tmpfs";
    }

    @Override
    public String options() {
        return options.text();
    }

    @Override
    public long deviceId() {
        return device;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return true;
    }

    @Override
    public FileSystemStatus status() {
        long blocks = options.maxPages();
        long free = blocks == 0 ? 0 : Math.max(0, blocks - pages.get());
        long files = options.maxInodes();
        long freeFiles = files == 0 ? 0 : Math.max(0, files - inodes.get());
        return new FileSystemStatus(Mount.TMPFS_MAGIC, PAGE, blocks, free, free, files, freeFiles, device, 255);
    }

    @Override
    public void sync() {}

    /** Files without users give their pages back; what is still mapped stays until it is not. */
    @Override
    public void close() {
        root.dissolve();
    }

    MemoryFile memory() {
        return memory;
    }

    long nextNumber() {
        return numbers.incrementAndGet();
    }

    /** Counts one more inode. */
    void charge() throws ErrnoException {
        long limit = options.maxInodes();
        if (inodes.incrementAndGet() > limit && limit != 0) {
            inodes.decrementAndGet();
            throw ENOSPC.error();
        }
    }

    void uncharge() {
        inodes.decrementAndGet();
    }

    @Override
    public boolean take(long count) {
        long limit = options.maxPages();
        if (limit == 0) {
            pages.addAndGet(count);
            return true;
        }
        while (true) {
            long used = pages.get();
            if (used + count > limit) {
                return false;
            }
            if (pages.compareAndSet(used, used + count)) {
                return true;
            }
        }
    }

    @Override
    public void give(long count) {
        pages.addAndGet(-count);
    }
}
