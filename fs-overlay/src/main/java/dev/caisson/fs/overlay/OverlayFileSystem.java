package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LayerChange;
import dev.caisson.spi.fs.LayeredFileSystem;
import dev.caisson.spi.fs.UpperLayer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;

/** An upper layer over lower ones. */
public final class OverlayFileSystem implements LayeredFileSystem {
    /** {@code OVERLAYFS_SUPER_MAGIC}, linux/magic.h. */
    private static final long MAGIC = 0x794c7630L;
    private static final int BLOCK_BYTES = 4096;

    /** An upper layer and how many overlays use it: one, or two while another takes its place. */
    private static final class Shared {
        private final UpperLayer layer;
        /** What it was mounted with; without a directory on the host, in memory. */
        private final UpperOptions options;
        private final Marks marks;
        private final WorkArea work;
        private final AtomicInteger users = new AtomicInteger(1);

        private Shared(FileSystem upper, UpperOptions options) throws ErrnoException {
            if (!(upper instanceof UpperLayer usable)) {
                throw EINVAL.explained("a filesystem that cannot be an upper layer");
            }
            this.layer = usable;
            this.options = options;
            this.marks = Marks.in(layer.workDirectory());
            this.work = new WorkArea(layer.workDirectory());
        }

        /** One user more, unless the last one has gone. */
        private boolean tryRetain() {
            return users.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
        }
    }

    private final Shared upper;
    private final List<FileSystem> lowers;
    private final String options;
    private final boolean cachesDentries;
    private final boolean isVolatile;
    /** Whether its directories are those of the layer below: it took the place of a filesystem that has no upper layer. */
    private final boolean isAboveOld;
    private final long deviceId;
    private final Origins origins;
    private volatile boolean mayBeIndexed;
    private final OverlayDirectory root;

    /**
     * Stacks layers. They belong to the overlay from now on: {@link #close} closes them.
     *
     * @param upper takes the changes; an {@link UpperLayer}
     * @param lowers read only, topmost first; at least one
     * @param options as /proc/mounts shows them
     * @throws ErrnoException ENOTDIR when a root is no directory, EINVAL when the upper layer is of no use, EIO
     */
    public OverlayFileSystem(FileSystem upper, List<FileSystem> lowers, String options) throws ErrnoException {
        this(new Shared(upper, UpperOptions.MEMORY), lowers, options, false, AnonymousDevices.next(), false);
    }

    /**
     * Stacks layers.
     *
     * @param upper takes the changes
     * @param upperOptions what that was mounted with
     * @param lowers read only, topmost first
     * @param options as /proc/mounts shows them
     * @param isVolatile whether copies need not be on disk before they take the place of the file
     * @param deviceId {@code st_dev} of all files
     * @param isAboveOld whether its lower layers are what it takes the place of
     */
    OverlayFileSystem(FileSystem upper, UpperOptions upperOptions, List<FileSystem> lowers, String options, boolean isVolatile, long deviceId,
            boolean isAboveOld) throws ErrnoException {
        this(new Shared(upper, upperOptions), lowers, options, isVolatile, deviceId, isAboveOld);
    }

    private OverlayFileSystem(Shared upper, List<FileSystem> lowers, String options, boolean isVolatile, long deviceId, boolean isAboveOld)
            throws ErrnoException {
        this.upper = upper;
        this.lowers = List.copyOf(lowers);
        this.options = options;
        this.isVolatile = isVolatile;
        this.isAboveOld = isAboveOld;
        this.deviceId = deviceId;
        boolean caches = upper.layer.cachesDentries();
        Inode[] lowerRoots = new Inode[lowers.size()];
        for (int i = 0; i < lowerRoots.length; i++) {
            lowerRoots[i] = lowers.get(i).root();
            caches &= lowers.get(i).cachesDentries();
            if (!Marks.isDirectory(lowerRoots[i])) {
                throw ENOTDIR.explained("a lower layer is no directory");
            }
        }
        if (lowerRoots.length == 0 || !Marks.isDirectory(upper.layer.root())) {
            throw EINVAL.explained("an overlay needs a lower layer and an upper directory");
        }
        this.cachesDentries = caches;
        this.origins = new Origins(upper.layer, lowers);
        this.mayBeIndexed = !WorkArea.names(index()).isEmpty();
        Inode upperRoot = upper.layer.root();
        begin(upperRoot, lowerRoots[0]);
        this.root = new OverlayDirectory(this, upperRoot, new LowerLayers(lowerRoots, LowerLayers.marks(this, lowerRoots)), null);
        LayerLinks.bind(upperRoot, root);
    }

    /** An upper layer that is used for the first time gets the attributes of the lower root, and its mark. */
    private void begin(Inode upperRoot, Inode lowerRoot) throws ErrnoException {
        if (marks().origin(upperRoot) == null) {
            if (WorkArea.names(upperRoot).isEmpty()) {
                CopyUp.copyAttributes(marks(), lowerRoot, upperRoot);
            }
            mark(upperRoot, lowerRoot);
        }
    }

    /**
     * The same with other lower layers that show the same files, on the same upper layer. Both may be used until one is closed; the upper
     * layer is closed with the last of them.
     *
     * @param newLowers the lower layers, topmost first
     * @param newOptions as /proc/mounts shows them
     * @return another overlay
     * @throws ErrnoException as when mounting
     */
    public OverlayFileSystem withLowers(List<FileSystem> newLowers, String newOptions) throws ErrnoException {
        upper.users.incrementAndGet();
        try {
            return new OverlayFileSystem(upper, newLowers, newOptions, isVolatile, deviceId, isAboveOld);
        } catch (ErrnoException | RuntimeException e) {
            upper.users.decrementAndGet();
            throw e;
        }
    }

    /**
     * The same as {@link #withLowers} for an overlay that other filesystems had taken the place of, while files stayed with it: they may have
     * changed the upper directory in between.
     *
     * @param newLowers the lower layers, topmost first
     * @param newOptions as /proc/mounts shows them
     * @param newlyVolatile whether copies need not be on disk before they take the place of the file
     * @return another overlay; null when the last file that stayed was closed just now
     * @throws ErrnoException as when mounting
     */
    OverlayFileSystem again(List<FileSystem> newLowers, String newOptions, boolean newlyVolatile) throws ErrnoException {
        if (!upper.tryRetain()) {
            return null;
        }
        boolean isMade = false;
        try {
            upper.layer.refresh();
            OverlayFileSystem made = new OverlayFileSystem(upper, newLowers, newOptions, newlyVolatile, deviceId, isAboveOld);
            isMade = true;
            return made;
        } finally {
            if (!isMade) {
                releaseUpper();
            }
        }
    }

    private void releaseUpper() {
        if (upper.users.decrementAndGet() == 0) {
            upper.layer.close();
        }
    }

    /** A file without a name that another overlay has in the same upper layer. Others are found by their names, and must be found once. */
    @Override
    public Inode adopt(Inode file) {
        if (!(file instanceof OverlayInode other) || file instanceof OverlayDirectory || other.overlay().upper != upper) {
            return null;
        }
        Inode known = other.upperWithoutName();
        return known == null ? null
                : LayerLinks.bind(known, new OverlayInode(this, known, OverlayInode.NO_LOWERS, other.number()));
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

    /** Sizes are those of the upper layer; one without a limit is as large as what is used and what is left. */
    @Override
    public FileSystemStatus status() throws ErrnoException {
        FileSystemStatus s = upper.layer.status();
        long blocks = s.blocks();
        long size = s.blockBytes();
        long free = s.freeBlocks();
        long available = s.availableBlocks();
        if (blocks == 0) {
            size = BLOCK_BYTES;
            free = upper.layer.freeBytes() / size;
            available = free;
            blocks = free + upper.layer.usedBytes() / size;
        }
        return new FileSystemStatus(MAGIC, size, blocks, free, available, s.files(), s.freeFiles(), deviceId, s.nameBytes());
    }

    @Override
    public void sync() throws ErrnoException {
        upper.layer.sync();
    }

    @Override
    public void publish() throws ErrnoException {
        upper.layer.publish();
    }

    @Override
    public String replacementObstacle(FileSystem next) {
        if (isStored() || next instanceof OverlayFileSystem other && other.upper == upper) {
            return null;
        }
        return "what was changed is in memory only and would be lost; save it with `caisson diff`, or start with --rootfs-upper DIR";
    }

    @Override
    public void close() {
        LayerLinks.unbind(upper.layer.root(), this); // the only inode that outlives the overlay
        releaseUpper();
        for (FileSystem lower : lowers) {
            lower.close();
        }
    }

    @Override
    public List<LayerChange> changes(Inode directory) throws ErrnoException {
        return ((OverlayDirectory) directory).layerChanges();
    }

    @Override
    public Collection<Long> changedLinks() throws ErrnoException {
        List<Long> numbers = new ArrayList<>();
        for (String name : mayBeIndexed ? WorkArea.names(index()) : List.<String>of()) {
            Inode entry = index().lookup(name);
            if (entry == null || Marks.isDirectory(entry) || marks().isWhiteout(entry, false)) {
                continue;
            }
            OverlayInode known = LayerLinks.find(entry, this);
            long number = known != null ? known.number() : origins.number(marks().origin(entry));
            if (number != 0) {
                numbers.add(number);
            }
        }
        return numbers;
    }

    /** Whether changes go to the same directory of the host, or both to memory. */
    boolean hasUpper(UpperOptions wanted) {
        return Objects.equals(upper.options.directory(), wanted.directory());
    }

    /** Whether the upper layer is as it is wanted. */
    boolean hasUpperAsIs(UpperOptions wanted) {
        return upper.options.equals(wanted);
    }

    /** {@return the directory that takes the changes, as the upper layer has it} */
    public Inode upperRoot() {
        return upper.layer.root();
    }

    OverlayDirectory top() {
        return root;
    }

    Marks marks() {
        return upper.marks;
    }

    WorkArea work() {
        return upper.work;
    }

    Inode index() {
        return upper.layer.indexDirectory();
    }

    /** {@return whether the index has entries} */
    boolean mayBeIndexed() {
        return mayBeIndexed;
    }

    void hasIndexed() {
        mayBeIndexed = true;
    }

    Origins origins() {
        return origins;
    }

    /** {@return whether what tells that a directory is the same is the layer below} */
    boolean isAboveOld() {
        return isAboveOld;
    }

    int lowerCount() {
        return lowers.size();
    }

    /** Whether nothing is below the layer of an inode. */
    boolean isLast(Inode lower) {
        return lowers.getLast() == lower.fileSystem();
    }

    /** {@return whether the upper layer outlives the sandbox} */
    boolean isStored() {
        return upper.layer.isStored();
    }

    /** {@return whether the content of a copy has to be on disk before the copy takes its place} */
    boolean syncsCopies() {
        return isStored() && !isVolatile;
    }

    /** Marks a copy with what it came from. */
    void mark(Inode copy, Inode lower) throws ErrnoException {
        marks().origin(copy, origins.of(lower));
    }
}
