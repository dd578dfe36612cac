package dev.caisson.vfs.pseudo;

import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import java.util.concurrent.atomic.AtomicInteger;

/** A mounted instance of a filesystem without storage. */
public final class PseudoFileSystem implements FileSystem {
    /** Minor numbers of the unnamed devices that such filesystems get. */
    private static final AtomicInteger MINORS = new AtomicInteger(512);

    private final String typeName;
    private final long magic;
    private final long deviceId = DeviceNumbers.of(0, MINORS.getAndIncrement());
    private Inode root;

    /**
     * Makes an instance; {@link #root(Inode)} completes it.
     *
     * @param typeName as in /proc/mounts
     * @param magic {@code f_type}
     */
    public PseudoFileSystem(String typeName, long magic) {
        this.typeName = typeName;
        this.magic = magic;
    }

    /**
     * Sets the root directory, once.
     *
     * @param directory the root
     * @return this
     */
    public PseudoFileSystem root(Inode directory) {
        root = directory;
        return this;
    }

    @Override
    public String typeName() {
        return typeName;
    }

    @Override
    public String options() {
        return "";
    }

    @Override
    public long deviceId() {
        return deviceId;
    }

    @Override
    public Inode root() {
        return root;
    }

    /** Entries come and go without the VFS knowing. */
    @Override
    public boolean cachesDentries() {
        return false;
    }

    @Override
    public FileSystemStatus status() {
        return new FileSystemStatus(magic, 4096, 0, 0, 0, 0, 0, 0, 255);
    }

    @Override
    public void sync() {}

    @Override
    public void close() {}
}
