package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** A file of the overlay that is no directory: a lower file until it is changed, an upper file from then on. */
class OverlayInode extends Inode {
    static final Inode[] NO_LOWERS = new Inode[0];

    private final OverlayFileSystem fileSystem;
    private final long number;
    /**
     * The layers below, topmost first: one for a file (and behind it those that lead to its content, when overlayfs has made a copy without
     * content), any number of directories. Stays after the file was copied up.
     */
    final Inode[] lowers;
    private volatile Inode upper;
    /** Has the content while the file of the layer that counts is a copy without content; else null. Set to null when that is copied. */
    private volatile Inode data;

    /** Makes the copy-up of one file happen once. Child before parent. Made when it is needed, which it is for few files. */
    private volatile ReentrantLock copyUpLock;

    /** A directory and name that lead here, for copying up; null when none does. Guarded by that directory's names lock. */
    private volatile OverlayDirectory parent;
    private volatile String name;

    /** The name in the index, of a copied file that several lower names share. Guarded by this, as the rest. */
    private String indexName;
    /** How many links it has more than the layer's file that counts now. */
    private volatile int linksAdded;
    /** Open files that read the lower file. */
    private int lowerOpens;
    /** Keeps the upper file's content while this file is reachable but the upper file may have no name. */
    private OpenFile hold;

    /** The attributes told last, and what they were made of: lower layers give the same object as long as nothing changed. */
    private volatile Told told;

    private record Told(Attributes source, int links, Attributes result) {}

    OverlayInode(OverlayFileSystem fileSystem, Inode upper, Inode[] lowers, long number) {
        this.fileSystem = fileSystem;
        this.upper = upper;
        this.lowers = lowers;
        this.number = number;
    }

    /** The file of the layer that counts is a copy without content (metacopy=on of overlayfs), which is that of another file. */
    final OverlayInode withContentOf(Inode lower) {
        data = lower;
        return this;
    }

    /** {@return the lower file that has the content; null when the upper file has it} */
    final Inode lowerContent() {
        Inode content = data;
        return content != null ? content : upper == null ? lowers[0] : null;
    }

    final OverlayFileSystem overlay() {
        return fileSystem;
    }

    final Inode upper() {
        return upper;
    }

    /** The file of the layer that counts now. */
    final Inode real() {
        Inode u = upper;
        return u != null ? u : lowers[0];
    }

    /** {@return the upper file, if that has no name and nothing else needs to be kept for it; else null} */
    final Inode upperWithoutName() {
        Inode file = upper;
        try {
            synchronized (this) {
                if (file == null || hold != null || indexName != null || data != null) {
                    return null;
                }
            }
            file.identity(); // looks anew
            return file.attributes().links() == 0 ? file : null;
        } catch (ErrnoException e) {
            return null;
        }
    }

    final OverlayDirectory parent() {
        return parent;
    }

    final String name() {
        return name;
    }

    /** Whether the upper file is a copy, or has something to show from below: its directory is impure then. */
    boolean hasOrigin() throws ErrnoException {
        return lowers.length > 0 || fileSystem.marks().origin(upper) != null;
    }

    /** Remembers a name; the directory's names lock is held. */
    final void named(OverlayDirectory directory, String as) {
        parent = directory;
        name = as;
    }

    // ---- links

    /** It is a copy that the index knows, with so many links more than the upper file has. */
    final synchronized void indexed(String as, int difference) {
        indexName = as;
        linksAdded = difference;
    }

    /** Whether unlinking a name that only the lower layer has takes a copy, which can hold the count. */
    final boolean keepsLinkCount() throws ErrnoException {
        return upper == null && fileSystem.isStored() && lowers[0].attributes().links() > 1;
    }

    /** The upper file got a name for one that only the lower layer had: the file has no more names than before. */
    final void materialized() throws ErrnoException {
        addLinks(-1);
    }

    /**
     * A name was removed; the directory's names lock is held.
     *
     * @param hadUpper whether the upper file had it; else only the lower layer
     */
    final void unlinked(OverlayDirectory directory, String as, boolean hadUpper) throws ErrnoException {
        if (parent == directory && as.equals(name)) {
            parent = null;
        }
        if (!hadUpper) {
            addLinks(-1);
        }
        String unusedIndex = null;
        OpenFile unused;
        synchronized (this) {
            if (indexName != null && real().attributes().links() + linksAdded <= 0) {
                unusedIndex = indexName;
                indexName = null;
                linksAdded = 0;
            }
            unused = takeUnusedHoldLocked();
        }
        if (unusedIndex != null) {
            fileSystem.index().unlink(unusedIndex, upper);
        }
        if (unused != null) {
            unused.close();
        }
    }

    private void addLinks(int difference) throws ErrnoException {
        boolean isIndexed;
        int now;
        synchronized (this) {
            linksAdded += difference;
            isIndexed = indexName != null;
            now = linksAdded;
        }
        if (isIndexed) {
            fileSystem.marks().links(upper, 'U', now);
        }
    }

    /** {@return the link count, given the attributes of the layer's file} */
    int links(Attributes real) {
        return Math.max(0, real.links() + linksAdded);
    }

    private OpenFile takeUnusedHoldLocked() {
        if (hold == null || lowerOpens > 0) {
            return null;
        }
        OpenFile unused = hold;
        hold = null;
        return unused;
    }

    // ---- copy-up

    final ReentrantLock copyUpLock() {
        ReentrantLock lock = copyUpLock;
        if (lock == null) {
            synchronized (this) {
                lock = copyUpLock;
                if (lock == null) {
                    lock = new ReentrantLock();
                    copyUpLock = lock;
                }
            }
        }
        return lock;
    }

    /** {@return the upper file, made if need be} */
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
        JobControl.acquire(copyUpLock());
        try {
            if (upper == null) {
                CopyUp.Copy copy = CopyUp.of(fileSystem, lowers[0], lowerContent(), sizeLimit);
                try {
                    if (lowers[0].attributes().links() > 1 && attributes().links() > 0) {
                        placeInIndex(copy);
                    } else {
                        place(copy);
                    }
                } finally {
                    if (upper == null) {
                        copy.close();
                        fileSystem.work().discard(copy.name(), copy.inode());
                    }
                }
            }
            return upper;
        } finally {
            copyUpLock().unlock();
        }
    }

    /**
     * Copies the file up, and its content, if overlayfs has made a copy without that.
     *
     * @param sizeLimit how much of the content is wanted
     * @return the upper file
     */
    final Inode copyUpContent(long sizeLimit) throws ErrnoException {
        Inode u = copyUp(sizeLimit);
        if (data != null) {
            JobControl.acquire(copyUpLock());
            try {
                if (data != null) {
                    hasContent(CopyUp.complete(fileSystem, u, data));
                }
            } finally {
                copyUpLock().unlock();
            }
        }
        return u;
    }

    /** The upper file has the content from now on, and keeps it for who reads the lower one at the moment. */
    private void hasContent(OpenFile file) {
        synchronized (this) {
            data = null;
            if (lowerOpens > 0 && hold == null) {
                hold = file;
                return;
            }
        }
        file.close();
    }

    /** Gives the finished copy the place of the lower file, if that still has a name, and makes it count. */
    private void place(CopyUp.Copy copy) throws ErrnoException {
        while (true) {
            OverlayDirectory directory = parent;
            String as = name;
            if (directory == null) {
                becomeUpper(copy, true);
                fileSystem.work().directory().unlink(copy.name(), copy.inode());
                return;
            }
            Inode upperDirectory = directory.copyUp();
            JobControl.acquire(directory.names);
            try {
                if (parent == directory && as.equals(name)) {
                    Attributes before = upperDirectory.attributes();
                    directory.makeImpure();
                    fileSystem.work().publish(copy.name(), copy.inode(), upperDirectory, as, null);
                    directory.restoreTimes(before);
                    becomeUpper(copy, false);
                    return;
                }
            } finally {
                directory.names.unlock();
            }
        }
    }

    /** A file with several lower names: the index leads from each of them to the copy, which gets the names themselves when they are used. */
    private void placeInIndex(CopyUp.Copy copy) throws ErrnoException {
        String as = fileSystem.origins().indexName(lowers[0]);
        int added;
        synchronized (this) {
            added = linksAdded;
        }
        int count = lowers[0].attributes().links() + added;
        fileSystem.marks().links(copy.inode(), 'L', added);
        fileSystem.work().publish(copy.name(), copy.inode(), fileSystem.index(), as, null);
        fileSystem.hasIndexed();
        indexed(as, count - 1);
        becomeUpper(copy, false);
        fileSystem.marks().links(copy.inode(), 'U', count - 1);
        OverlayDirectory directory = parent;
        if (directory != null) {
            directory.materialize(this);
        }
    }

    /** The copy counts from now on; its open file keeps it for as long as something needs it that a name does not keep. */
    private void becomeUpper(CopyUp.Copy copy, boolean isUnnamed) {
        boolean isKept;
        synchronized (this) {
            isKept = copy.file() != null && (isUnnamed || lowerOpens > 0);
            if (isKept) {
                hold = copy.file();
            }
            if (indexName == null) {
                linksAdded = 0; // from now on the upper file's own count is right
            }
            LayerLinks.bind(copy.inode(), this);
            upper = copy.inode();
            data = null;
        }
        if (!isKept) {
            copy.close();
        }
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
        Inode content = data;
        Told last = told;
        if (last != null && last.source == a && last.links == links && content == null) {
            return last.result;
        }
        long blocks = content == null ? a.blocks() : content.attributes().blocks();
        Attributes result = new Attributes(fileSystem.deviceId(), number, a.mode(), links, a.uid(), a.gid(), a.rawDevice(),
                a.sizeBytes(), a.blockBytes(), blocks, a.accessNs(), a.modifyNs(), a.changeNs(), a.birthNs());
        told = new Told(a, links, result);
        return result;
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
        (change.has(AttributeChange.SIZE) ? copyUpContent(change.sizeBytes()) : copyUp()).change(change);
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
        if (u != null && data == null) {
            return u.open(flags);
        }
        boolean isRegular = (real().mode() & Stat.S_IFMT) == Stat.S_IFREG;
        if (isRegular && (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY || (flags & Fcntl.O_TRUNC) != 0) {
            return copyUpContent((flags & Fcntl.O_TRUNC) != 0 ? 0 : Long.MAX_VALUE).open(flags);
        }
        Inode content = lowerContent();
        if (content != null) {
            OpenFile lower = content.open(flags);
            synchronized (this) {
                if (lowerContent() != null) {
                    lowerOpens++;
                    return new OverlayLowerFile(this, flags, lower);
                }
            }
            lower.close(); // copied up meanwhile
        }
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
    public void forget() {
        Inode u = upper;
        (u != null ? u : lowers[0]).forget();
    }

    @Override
    public FileIdentity identity() throws ErrnoException {
        return real().identity();
    }

    @Override
    public boolean hasDefaultAcl() throws ErrnoException {
        return real().hasDefaultAcl();
    }

    @Override
    public long changes() {
        Inode u = upper;
        long count = (u != null ? u : lowers[0]).changes();
        return count < 0 || u == null ? count : count | 1L << 62;
    }

    @Override
    public byte[] getXattr(String attribute) throws ErrnoException {
        return real().getXattr(fileSystem.marks().escaped(attribute));
    }

    @Override
    public void setXattr(String attribute, byte[] value, int flags) throws ErrnoException {
        String stored = fileSystem.marks().escaped(attribute);
        if (upper == null && (flags & Mount.XATTR_REPLACE) != 0) {
            lowers[0].getXattr(stored); // ENODATA without a copy
        }
        copyUp().setXattr(stored, value, flags);
    }

    @Override
    public List<String> listXattrs() throws ErrnoException {
        List<String> visible = new ArrayList<>();
        for (String attribute : real().listXattrs()) {
            String shown = fileSystem.marks().visible(attribute);
            if (shown != null) {
                visible.add(shown);
            }
        }
        return visible;
    }

    @Override
    public void removeXattr(String attribute) throws ErrnoException {
        String stored = fileSystem.marks().escaped(attribute);
        if (upper == null) {
            lowers[0].getXattr(stored); // ENODATA without a copy
        }
        copyUp().removeXattr(stored);
    }
}
