package dev.caisson.vfs.pseudo;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import java.util.concurrent.atomic.AtomicLong;

/** A file without storage: a fixed mode, an owner, a number, and the time it was first seen. */
public abstract class PseudoInode extends Inode {
    private static final AtomicLong NUMBERS = new AtomicLong(4026531840L);

    private final FileSystem fileSystem;
    private final long number;
    private final int mode;
    private final long createdNs = FileClock.nowNs();

    /**
     * Makes a file with the next free number.
     *
     * @param fileSystem where it lives
     * @param mode type and permission bits
     */
    protected PseudoInode(FileSystem fileSystem, int mode) {
        this(fileSystem, mode, NUMBERS.getAndIncrement());
    }

    /**
     * Makes a file.
     *
     * @param fileSystem where it lives
     * @param mode type and permission bits
     * @param number {@code st_ino}
     */
    protected PseudoInode(FileSystem fileSystem, int mode, long number) {
        this.fileSystem = fileSystem;
        this.mode = mode;
        this.number = number;
    }

    @Override
    public final FileSystem fileSystem() {
        return fileSystem;
    }

    @Override
    public int mode() {
        return mode;
    }

    @Override
    public int uid() {
        return 0;
    }

    @Override
    public int gid() {
        return 0;
    }

    @Override
    public final long number() {
        return number;
    }

    /** {@return {@code st_nlink}} */
    protected int links() throws ErrnoException {
        return 1;
    }

    /** {@return {@code st_size}} */
    protected long sizeBytes() throws ErrnoException {
        return 0;
    }

    @Override
    public Attributes attributes() throws ErrnoException {
        return new Attributes(fileSystem.deviceId(), number, mode(), links(), uid(), gid(), 0, sizeBytes(), 1024, 0, createdNs, createdNs,
                createdNs, Long.MIN_VALUE);
    }
}
