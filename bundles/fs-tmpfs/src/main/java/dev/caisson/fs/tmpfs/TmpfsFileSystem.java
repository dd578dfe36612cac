package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.ENOSPC;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.PageBudget;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.UpperLayer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** One tmpfs. */
public final class TmpfsFileSystem implements UpperLayer, PageBudget {
    private static final int PAGE = 4096;
    /** BOGO_INODE_SIZE of Linux. */
    private static final int INODE_BYTES = 1024;
    private static final NewNode BESIDE = new NewNode(Stat.S_IFDIR | 0700, 0, 0, 0);
    /** Unnamed devices 0:32 and up, away from those of pipes and sockets. */
    private static final AtomicInteger DEVICES = new AtomicInteger(31);

    private final MemoryFile memory;
    private final TmpfsOptions options;
    private final long device = DEVICES.incrementAndGet();
    private final AtomicLong numbers = new AtomicLong();
    private final AtomicLong pages = new AtomicLong();
    /** What inodes and their extended attributes take, as Linux counts it: the limit of inodes is one of this. */
    private final AtomicLong inodeBytes = new AtomicLong();
    private final TmpfsDirectory root;
    private final TmpfsDirectory work;
    private final TmpfsDirectory index;

    /**
     * Makes an empty filesystem.
     *
     * @param memory where content lives
     * @param options limits and the root's attributes
     */
    public TmpfsFileSystem(MemoryFile memory, TmpfsOptions options) {
        this.memory = memory;
        this.options = options;
        inodeBytes.set(INODE_BYTES);
        this.root = new TmpfsDirectory(this, new NewNode(Stat.S_IFDIR | options.mode(), options.uid(), options.gid(), 0), null);
        this.work = new TmpfsDirectory(this, BESIDE, null);
        this.index = new TmpfsDirectory(this, BESIDE, null);
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
        long freeFiles = files == 0 ? 0 : Math.max(0, files - (inodeBytes.get() + INODE_BYTES - 1) / INODE_BYTES);
        return new FileSystemStatus(Mount.TMPFS_MAGIC, PAGE, blocks, free, free, files, freeFiles, device, 255);
    }

    @Override
    public void sync() {}

    /** Files without users give their pages back; what is still mapped stays until it is not. */
    @Override
    public void close() {
        root.dissolve();
        work.dissolve();
        index.dissolve();
    }

    MemoryFile memory() {
        return memory;
    }

    long nextNumber() {
        return numbers.incrementAndGet();
    }

    // ---- as the upper layer of an overlay

    @Override
    public Inode workDirectory() {
        return work;
    }

    @Override
    public Inode indexDirectory() {
        return index;
    }

    @Override
    public boolean isStored() {
        return false;
    }

    @Override
    public long usedBytes() {
        return pages.get() * PAGE;
    }

    @Override
    public long freeBytes() {
        long free = Math.max(0, memory.limitBytes() - memory.usedBytes());
        return options.maxPages() == 0 ? free : Math.min(free, Math.max(0, options.maxPages() - pages.get()) * PAGE);
    }

    // ---- limits

    /** Counts one more inode. */
    void charge() throws ErrnoException {
        charge(INODE_BYTES);
    }

    void uncharge() {
        uncharge(INODE_BYTES);
    }

    /** Counts what an inode keeps besides content. */
    void charge(long bytes) throws ErrnoException {
        long limit = options.maxInodes();
        if (inodeBytes.addAndGet(bytes) > limit * INODE_BYTES && limit != 0) {
            inodeBytes.addAndGet(-bytes);
            throw ENOSPC.error();
        }
    }

    void uncharge(long bytes) {
        inodeBytes.addAndGet(-bytes);
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

    /** With a limit, its second half is for what is really used: a mapping that touches one page here and there must not fill it. */
    @Override
    public boolean takeAhead() {
        long limit = options.maxPages();
        return (limit == 0 || pages.get() < limit / 2) && take(1);
    }

    @Override
    public void give(long count) {
        pages.addAndGet(-count);
    }
}
