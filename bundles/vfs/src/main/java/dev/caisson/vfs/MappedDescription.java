package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mman;
import dev.caisson.abi.Stat;
import dev.caisson.memory.MappedFile;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.SealedFile;

/** A file description as mmap(2) maps it. Equal when the descriptions are the same. */
public final class MappedDescription implements MappedFile {
    private static final Location NOWHERE = new Location(null, null);

    private final FileDescription description;
    /** Changes only while all tasks are at their safe points. */
    private Mappable pages;
    private final int allowed;

    private MappedDescription(FileDescription description, Mappable pages, int allowed) {
        this.description = description;
        this.pages = pages;
        this.allowed = allowed;
    }

    /**
     * Checks that a description can be mapped, with the errors of mmap(2) in their order.
     *
     * @param description open for reading
     * @param protection wanted {@code PROT_*}
     * @param shared MAP_SHARED
     * @return what to map; holds no reference of its own until {@link #retain}
     * @throws ErrnoException EACCES, EPERM, ENODEV
     */
    public static MappedDescription of(FileDescription description, int protection, boolean shared) throws ErrnoException {
        boolean writes = (protection & Mman.PROT_WRITE) != 0;
        if (shared && writes && !description.isWritable()) {
            throw EACCES.error();
        }
        if (!description.isReadable()) {
            throw EACCES.error();
        }
        boolean noexec = description.location().mount().has(dev.caisson.abi.Mount.MS_NOEXEC);
        if (noexec && (protection & Mman.PROT_EXEC) != 0) {
            throw EPERM.error();
        }
        if ((description.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
            throw ENODEV.error();
        }
        int allowed = Mman.PROT_READ | (!shared || description.isWritable() ? Mman.PROT_WRITE : 0) | (noexec ? 0 : Mman.PROT_EXEC);
        return new MappedDescription(description, description.file().mappable(), allowed);
    }

    /**
     * What mmap(2) maps, without a check: the address space makes them, in the order of Linux.
     *
     * @param description an open file
     * @param shared MAP_SHARED
     * @return what to map; its pages are null when it cannot be mapped
     */
    public static MappedDescription unchecked(FileDescription description, boolean shared) {
        boolean noexec = description.location().mount().has(dev.caisson.abi.Mount.MS_NOEXEC);
        int allowed = (description.isReadable() ? Mman.PROT_READ : 0)
                | (!shared || description.isReadable() && description.isWritable() && !isSealed(description) ? Mman.PROT_WRITE : 0)
                | (noexec ? 0 : Mman.PROT_EXEC);
        Mappable pages = null;
        try {
            if ((description.inode().mode() & Stat.S_IFMT) != Stat.S_IFDIR) {
                pages = description.file().mappable();
            }
        } catch (ErrnoException notMappable) {
            // Told as ENODEV, if nothing else is wrong.
        }
        return new MappedDescription(description, pages, allowed);
    }

    /**
     * Whether seals keep new shared mappings of a file from being written (EPERM), now or after mprotect(2).
     *
     * @param description an open file
     * @return whether it has F_SEAL_WRITE or F_SEAL_FUTURE_WRITE
     */
    public static boolean isSealed(FileDescription description) {
        return description.inode() instanceof SealedFile file
                && (file.seals() & (Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE)) != 0;
    }

    /** Another filesystem serves the file. */
    void follow(Mappable next) {
        pages = next;
    }

    /** {@return the description} */
    public FileDescription description() {
        return description;
    }

    @Override
    public Mappable mappable() {
        return pages;
    }

    @Override
    public int allowedProtection() {
        return allowed;
    }

    @Override
    public String path() {
        MountNamespace namespace = description.location().mount().namespace();
        Location root = namespace == null ? NOWHERE : namespace.rootLocation();
        return Paths.of(description.location(), root);
    }

    @Override
    public long deviceId() {
        return description.inode().fileSystem().deviceId();
    }

    @Override
    public long inodeNumber() {
        return description.inode().number();
    }

    @Override
    public Inode inode() {
        return description.inode();
    }

    @Override
    public void retain() {
        description.retain();
    }

    @Override
    public void release() {
        description.release();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MappedDescription that && that.description == description && that.allowed == allowed;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(description);
    }
}
