package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A file of an archive; of this class itself: links, devices and FIFOs. Nothing changes once the archive is read. */
class TarInode extends Inode {
    /** By which an overlay knows a directory that hides those below it. */
    private static final String OPAQUE = "trusted.overlay.opaque";
    private static final byte[] YES = {'y'};
    private static final int BLOCK_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;

    private final TarFileSystem fileSystem;
    private final long number;
    private final TarEntry entry;
    private int links = 1;
    private boolean isOpaque;
    private Attributes told;

    TarInode(TarFileSystem fileSystem, long number, TarEntry entry) {
        this.fileSystem = fileSystem;
        this.number = number;
        this.entry = entry;
    }

    /** {@return what the archive says} */
    TarEntry entry() {
        return entry;
    }

    /** While the archive is read: one name more or less. */
    final void countLinks(int more) {
        links += more;
    }

    final void makeOpaque() {
        isOpaque = true;
    }

    final boolean isDirectory() {
        return (mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    /** {@return whether an overlay takes it as a sign that the name was removed} */
    final boolean isWhiteout() {
        return (mode() & Stat.S_IFMT) == Stat.S_IFCHR && entry().rawDevice() == 0;
    }

    final TarFileSystem archive() {
        return fileSystem;
    }

    @Override
    public final FileSystem fileSystem() {
        return fileSystem;
    }

    @Override
    public final Attributes attributes() {
        Attributes known = told; // immutable: whoever makes it second makes the same
        if (known == null) {
            TarEntry e = entry();
            long size = (mode() & Stat.S_IFMT) == Stat.S_IFLNK ? e.link().length() : isDirectory() ? BLOCK_BYTES : e.sizeBytes();
            long stored = e.extents() == null ? size : e.extents().storedBytes();
            known = new Attributes(fileSystem.deviceId(), number, e.mode(), links(), e.uid(), e.gid(), e.rawDevice(), size, BLOCK_BYTES,
                    (stored + SECTOR_BYTES - 1) / SECTOR_BYTES, e.accessNs(), e.modifyNs(), e.changeNs(), Long.MIN_VALUE);
            told = known;
        }
        return known;
    }

    int links() {
        return links;
    }

    @Override
    public final int mode() {
        return entry().mode();
    }

    @Override
    public final int uid() {
        return entry().uid();
    }

    @Override
    public final int gid() {
        return entry().gid();
    }

    @Override
    public final long number() {
        return number;
    }

    @Override
    public String readLink() throws ErrnoException {
        if ((mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            throw EINVAL.error();
        }
        return entry.link();
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        throw ENXIO.error(); // devices and FIFOs are the kernel's
    }

    // ---- extended attributes

    @Override
    public final byte[] getXattr(String name) throws ErrnoException {
        byte[] value = isOpaque && name.equals(OPAQUE) ? YES : entry().xattrs().get(name);
        if (value == null) {
            throw ENODATA.error();
        }
        return value.clone();
    }

    @Override
    public final List<String> listXattrs() {
        Map<String, byte[]> xattrs = entry().xattrs();
        if (!isOpaque) {
            return List.copyOf(xattrs.keySet());
        }
        List<String> names = new ArrayList<>(xattrs.keySet());
        names.add(OPAQUE);
        return names;
    }

    // ---- no changes

    @Override
    public final void setXattr(String name, byte[] value, int flags) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void removeXattr(String name) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void change(AttributeChange change) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final Inode create(String name, NewNode node) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final Inode createUnnamed(NewNode node) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final Inode symlink(String name, String target, NewNode node) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void link(String name, Inode target) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void unlink(String name, Inode target) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void rmdir(String name, Inode target) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public final void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags) throws ErrnoException {
        throw EROFS.error();
    }
}
