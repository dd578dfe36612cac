package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** A file of the overlay that is no directory: a lower file until it is changed, an upper file from then on. */
class OverlayInode extends Inode {
    static final Inode[] NO_LOWERS = new Inode[0];

    private final OverlayFileSystem fileSystem;
    private final long number;
    /** The layers below, topmost first: one for a file, any number of directories. Stays after the file was copied up. */
    final Inode[] lowers;
    private volatile Inode upper;

    /** Makes the copy-up of one file happen once. Child before parent. */
    final ReentrantLock copyUpLock = new ReentrantLock();

    /** A directory and name that lead here, for copying up; null when none does. Guarded by that directory's names lock. */
    private volatile OverlayDirectory parent;
    private volatile String name;

    /** Names given or taken since the lower file was made. Guarded by this. */
    private int linksAdded;
    /** Open files that read the lower file. Guarded by this. */
    private int lowerOpens;
    /** Keeps the upper file's content while this file is reachable but the upper file has no name. Guarded by this. */
    private OpenFile hold;

    /** The attributes told last, and what they were made of: lower layers give the same object as long as nothing changed. */
    private volatile Told told;

    private record Told(Attributes source, int links, Attributes result) {}

    OverlayInode(OverlayFileSystem fileSystem, Inode upper, Inode[] lowers) {
        this.fileSystem = fileSystem;
        this.upper = upper;
        this.lowers = lowers;
        this.number = lowers.length > 0
                ? OverlayFileSystem.lowerNumber(fileSystem.layerOf(lowers[0]), lowers[0].number())
                : OverlayFileSystem.upperNumber(upper.number());
    }

    static OverlayDirectory ofRoot(OverlayFileSystem fileSystem, Inode upper, Inode[] lowers) {
        OverlayDirectory root = new OverlayDirectory(fileSystem, upper, lowers);
        LayerLinks.bind(upper, root);
        return root;
    }

    final Inode upper() {
        return upper;
    }

    /** The file of the layer that counts now. */
    final Inode real() {
        Inode u = upper;
        return u != null ? u : lowers[0];
    }

    final OverlayDirectory parent() {
        return parent;
    }

    final String name() {
        return name;
    }

    /** Remembers a name; the directory's names lock is held. */
    final void named(OverlayDirectory directory, String as) {
        parent = directory;
        name = as;
    }

    /** A link was made; the directory's names lock is held. */
    final void linked(OverlayDirectory directory, String as) {
        named(directory, as);
        synchronized (this) {
            linksAdded++;
        }
    }

    /** A name was removed; the directory's names lock is held. */
    final void unlinked(OverlayDirectory directory, String as) {
        if (parent == directory && as.equals(name)) {
            parent = null;
        }
        OpenFile unused;
        synchronized (this) {
            linksAdded--;
            unused = takeUnusedHoldLocked();
        }
        if (unused != null) {
            unused.close();
        }
    }

    private OpenFile takeUnusedHoldLocked() {
        if (hold == null || lowerOpens > 0 || lowerLinks() + linksAdded > 0) {
            return null;
        }
        OpenFile unused = hold;
        hold = null;
        return unused;
    }

    private int lowerLinks() {
        try {
            return lowers[0].attributes().links();
        } catch (ErrnoException e) {
            return 1;
        }
    }

    /** {@return whether it has an upper file, after making one if need be} */
    final Inode copyUp() throws ErrnoException {
        return copyUp(Long.MAX_VALUE);
    }

    /**
     * Copies the file up unless that was done.
     *
     * @param sizeLimit how much of the content is wanted
     * @return the upper file
     */
    Inode copyUp(long sizeLimit) throws ErrnoException {
        Inode u = upper;
        if (u != null) {
            return u;
        }
        copyUpLock.lock();
        try {
            if (upper == null) {
                boolean isRegular = (lowers[0].mode() & Stat.S_IFMT) == Stat.S_IFREG;
                if (isRegular) {
                    publish(CopyUp.regularFile(fileSystem.upper().root(), lowers[0], sizeLimit));
                } else {
                    copyUpSpecial();
                }
            }
            return upper;
        } finally {
            copyUpLock.unlock();
        }
    }

    /** Gives the finished copy its name, if the file still has one, and makes it count. */
    private void publish(CopyUp.Copy copy) throws ErrnoException {
        boolean isDone = false;
        try {
            while (!isDone) {
                OverlayDirectory directory = parent;
                String as = name;
                if (directory == null) {
                    becomeUpper(copy.inode(), copy.file(), true);
                    return;
                }
                Inode upperDirectory = directory.copyUp();
                directory.names.lock();
                try {
                    if (parent == directory && as.equals(name)) {
                        Attributes before = upperDirectory.attributes();
                        upperDirectory.link(as, copy.inode());
                        directory.restoreTimes(before);
                        becomeUpper(copy.inode(), copy.file(), false);
                        isDone = true;
                    }
                } finally {
                    directory.names.unlock();
                }
            }
        } catch (ErrnoException | RuntimeException e) {
            copy.file().close();
            throw e;
        }
    }

    private void copyUpSpecial() throws ErrnoException {
        while (true) {
            OverlayDirectory directory = parent;
            String as = name;
            if (directory == null) {
                throw ENOENT.error("a special file without a name cannot be copied up");
            }
            Inode upperDirectory = directory.copyUp();
            directory.names.lock();
            try {
                if (parent != directory || !as.equals(name)) {
                    continue;
                }
                Attributes before = upperDirectory.attributes();
                Inode copy = CopyUp.other(upperDirectory, as, lowers[0]);
                CopyUp.copyAttributes(lowers[0], copy);
                directory.restoreTimes(before);
                becomeUpper(copy, null, false);
                return;
            } finally {
                directory.names.unlock();
            }
        }
    }

    /** The copy counts from now on; {@code file} keeps it for as long as something needs it that a name does not keep. */
    private synchronized void becomeUpper(Inode copy, OpenFile file, boolean isUnnamed) {
        if (file != null) {
            if (isUnnamed || lowerOpens > 0 || lowerLinks() > 1) {
                hold = file;
            } else {
                file.close();
            }
        }
        LayerLinks.bind(copy, this);
        upper = copy;
    }

    final void becomeUpperDirectory(Inode copy) {
        LayerLinks.bind(copy, this);
        upper = copy;
    }

    @Override
    public FileSystem fileSystem() {
        return fileSystem;
    }

    @Override
    public Attributes attributes() throws ErrnoException {
        Attributes a = real().attributes();
        int links = links(a);
        Told last = told;
        if (last != null && last.source == a && last.links == links) {
            return last.result;
        }
        Attributes result = new Attributes(fileSystem.deviceId(), number, a.mode(), links, a.uid(), a.gid(), a.rawDevice(),
                a.sizeBytes(), a.blockBytes(), a.blocks(), a.accessNs(), a.modifyNs(), a.changeNs(), a.birthNs());
        told = new Told(a, links, result);
        return result;
    }

    /** {@return the link count, given the attributes of the layer's file} */
    int links(Attributes real) throws ErrnoException {
        if (lowers.length == 0) {
            return real.links();
        }
        int lowerLinks = upper == null ? real.links() : lowers[0].attributes().links();
        synchronized (this) {
            return Math.max(0, lowerLinks + linksAdded);
        }
    }

    @Override
    public int mode() {
        return real().mode();
    }

    @Override
    public int uid() {
        return real().uid();
    }

    @Override
    public int gid() {
        return real().gid();
    }

    @Override
    public long number() {
        return number;
    }

    @Override
    public void checkAccess(int mask, Credentials credentials) throws ErrnoException {
        real().checkAccess(mask, credentials);
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        copyUp(change.has(AttributeChange.SIZE) ? change.sizeBytes() : Long.MAX_VALUE).change(change);
    }

    @Override
    public void accessed(boolean relative) {
        Inode u = upper;
        if (u != null) {
            u.accessed(relative); // reading a lower file is no reason to copy it up
        }
    }

    @Override
    public String readLink() throws ErrnoException {
        return real().readLink();
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        Inode u = upper;
        if (u != null) {
            return u.open(flags);
        }
        boolean isRegular = (lowers[0].mode() & Stat.S_IFMT) == Stat.S_IFREG;
        if (isRegular && (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY || (flags & Fcntl.O_TRUNC) != 0) {
            return copyUp((flags & Fcntl.O_TRUNC) != 0 ? 0 : Long.MAX_VALUE).open(flags);
        }
        OpenFile lower = lowers[0].open(flags);
        synchronized (this) {
            if (upper == null) {
                lowerOpens++;
                return new OverlayLowerFile(this, flags, lower);
            }
        }
        lower.close(); // copied up meanwhile
        return upper.open(flags);
    }

    /** A reader of the lower file was closed. */
    final void lowerClosed() {
        OpenFile unused;
        synchronized (this) {
            lowerOpens--;
            unused = takeUnusedHoldLocked();
        }
        if (unused != null) {
            unused.close();
        }
    }

    @Override
    public byte[] getXattr(String attribute) throws ErrnoException {
        refusePrivate(attribute);
        return real().getXattr(attribute);
    }

    @Override
    public void setXattr(String attribute, byte[] value, int flags) throws ErrnoException {
        refusePrivate(attribute);
        if (upper == null && (flags & 2) != 0) {
            lowers[0].getXattr(attribute); // XATTR_REPLACE of what is not there: ENODATA, without a copy
        }
        copyUp().setXattr(attribute, value, flags);
    }

    @Override
    public List<String> listXattrs() throws ErrnoException {
        List<String> visible = new ArrayList<>();
        for (String attribute : real().listXattrs()) {
            if (!attribute.startsWith(Marks.PRIVATE_PREFIX)) {
                visible.add(attribute);
            }
        }
        return visible;
    }

    @Override
    public void removeXattr(String attribute) throws ErrnoException {
        refusePrivate(attribute);
        if (upper == null) {
            lowers[0].getXattr(attribute); // ENODATA without a copy
        }
        copyUp().removeXattr(attribute);
    }

    private static void refusePrivate(String attribute) throws ErrnoException {
        if (attribute.startsWith(Marks.PRIVATE_PREFIX)) {
            throw EOPNOTSUPP.error("attributes of the overlay itself are hidden");
        }
    }
}
