package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.ENOTDIR;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import java.util.List;

/** An upper layer over lower ones. */
public final class OverlayFileSystem implements FileSystem {
    /** {@code OVERLAYFS_SUPER_MAGIC}, linux/magic.h. */
    private static final long MAGIC = 0x794c7630L;

    /** Inode numbers of the upper layer start here, those of lower layer n at n times {@link #LAYER_STEP}. */
    private static final long UPPER_NUMBERS = 1L << 56;
    private static final long LAYER_STEP = 1L << 57;

    private final FileSystem upper;
    private final List<FileSystem> lowers;
    private final String options;
    private final boolean cachesDentries;
    private final long deviceId = AnonymousDevices.next();
    private final OverlayInode root;

    /**
     * Stacks layers. They belong to the overlay from now on: {@link #close} closes them.
     *
     * @param upper takes the changes; a filesystem with device nodes, extended attributes and unnamed files
     * @param lowers read only, topmost first; at least one
     * @param options as /proc/mounts shows them
     * @throws ErrnoException ENOTDIR when a root is no directory, EIO
     */
    public OverlayFileSystem(FileSystem upper, List<FileSystem> lowers, String options) throws ErrnoException {
        this.upper = upper;
        this.lowers = List.copyOf(lowers);
        this.options = options;
        boolean caches = upper.cachesDentries();
        Inode[] lowerRoots = new Inode[lowers.size()];
        for (int i = 0; i < lowerRoots.length; i++) {
            lowerRoots[i] = lowers.get(i).root();
            caches &= lowers.get(i).cachesDentries();
            if ((lowerRoots[i].mode() & Stat.S_IFMT) != Stat.S_IFDIR) {
                throw ENOTDIR.error("a lower layer is no directory");
            }
        }
        this.cachesDentries = caches;
        this.root = OverlayInode.ofRoot(this, upper.root(), lowerRoots);
        CopyUp.copyAttributes(lowerRoots.length == 0 ? null : lowerRoots[0], upper.root());
    }

    @Override
    public String typeName() {
        return "overlay";
    }

    @Override
    public String options() {
        return options;
    }

    @Override
    public long deviceId() {
        return deviceId;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return cachesDentries;
    }

    @Override
    public FileSystemStatus status() throws ErrnoException {
        FileSystemStatus s = upper.status();
        return new FileSystemStatus(MAGIC, s.blockBytes(), s.blocks(), s.freeBlocks(), s.availableBlocks(), s.files(), s.freeFiles(),
                deviceId, s.nameBytes());
    }

    @Override
    public void sync() throws ErrnoException {
        upper.sync();
    }

    @Override
    public void close() {
        upper.close();
        for (FileSystem lower : lowers) {
            lower.close();
        }
    }

    FileSystem upper() {
        return upper;
    }

    /** The layer of a lower inode; the same filesystem may serve two layers only by two instances. */
    int layerOf(Inode lower) {
        for (int i = 0; i < lowers.size(); i++) {
            if (lowers.get(i) == lower.fileSystem()) {
                return i;
            }
        }
        throw new IllegalArgumentException("an inode of none of the layers");
    }

    static long upperNumber(long number) {
        return number ^ UPPER_NUMBERS;
    }

    static long lowerNumber(int layer, long number) {
        return number ^ layer * LAYER_STEP;
    }
}
