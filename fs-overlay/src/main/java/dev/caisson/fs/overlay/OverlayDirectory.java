package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** A directory: the union of an upper one and the lower ones that it does not hide. */
final class OverlayDirectory extends OverlayInode {
    /** Guards the upper directory's entries and what is derived from them. Two of them: ascending inode number. */
    final ReentrantLock names = new ReentrantLock();

    private volatile boolean isRemoved;

    OverlayDirectory(OverlayFileSystem fileSystem, Inode upper, Inode[] lowers) {
        super(fileSystem, upper, lowers);
    }

    private OverlayFileSystem overlay() {
        return (OverlayFileSystem) fileSystem();
    }

    @Override
    int links(Attributes real) {
        if (isRemoved) {
            return 0;
        }
        // A directory of one layer has that layer's count; as in overlayfs, nobody counts the subdirectories of a merged one.
        return lowers.length == 0 || lowers.length == 1 && upper() == null ? real.links() : 1;
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        copyUp().change(change);
    }

    @Override
    Inode copyUp(long sizeLimit) throws ErrnoException {
        Inode u = upper();
        if (u != null) {
            return u;
        }
        copyUpLock.lock();
        try {
            while (upper() == null) {
                OverlayDirectory above = parent();
                if (above == null) {
                    throw ENOENT.error("the directory was removed");
                }
                Inode upperParent = above.copyUp();
                above.names.lock();
                try {
                    if (parent() == above) {
                        copyUpInto(above, upperParent);
                    }
                } finally {
                    above.names.unlock();
                }
            }
            return upper();
        } finally {
            copyUpLock.unlock();
        }
    }

    private void copyUpInto(OverlayDirectory above, Inode upperParent) throws ErrnoException {
        Attributes before = upperParent.attributes();
        String as = name();
        Inode copy = CopyUp.other(upperParent, as, lowers[0]);
        try {
            CopyUp.copyAttributes(lowers[0], copy);
        } catch (ErrnoException e) {
            upperParent.rmdir(as, copy);
            throw e;
        }
        above.restoreTimes(before);
        becomeUpperDirectory(copy);
    }

    /** Copying a file up is no change of its directory that anybody should see. */
    void restoreTimes(Attributes before) throws ErrnoException {
        upper().change(new AttributeChange(AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME, 0, 0, 0, 0, before.accessNs(),
                before.modifyNs(), FileClock.nowNs()));
    }

    @Override
    public Inode lookup(String child) throws ErrnoException {
        names.lock();
        try {
            return findLocked(child);
        } finally {
            names.unlock();
        }
    }

    private OverlayInode findLocked(String child) throws ErrnoException {
        Inode above = upper() == null ? null : upper().lookup(child);
        if (above != null) {
            OverlayInode known = LayerLinks.find(above, overlay());
            if (known != null) {
                return known;
            }
            if (Marks.isWhiteout(above)) {
                return null;
            }
            if (!Marks.isDirectory(above)) {
                return bind(above, new OverlayInode(overlay(), above, NO_LOWERS), child);
            }
            if (lowers.length == 0 || Marks.isOpaque(above)) {
                return bind(above, new OverlayDirectory(overlay(), above, NO_LOWERS), child);
            }
        }
        Inode[] below = findBelow(child, above != null);
        if (above != null) {
            return bind(above, new OverlayDirectory(overlay(), above, below), child);
        }
        if (below.length == 0) {
            return null;
        }
        OverlayInode known = LayerLinks.find(below[0], overlay());
        if (known == null) {
            known = bind(below[0], Marks.isDirectory(below[0]) ? new OverlayDirectory(overlay(), null, below)
                    : new OverlayInode(overlay(), null, below), child);
        } else if (known.parent() == null && known.upper() == null) {
            known.named(this, child); // another link of a file whose first name is gone
        }
        return known;
    }

    private OverlayInode bind(Inode real, OverlayInode candidate, String child) {
        OverlayInode bound = LayerLinks.bind(real, candidate);
        if (bound == candidate) {
            candidate.named(this, child);
        }
        return bound;
    }

    /** What the lower layers have under a name: nothing, one file, or directories to merge. */
    private Inode[] findBelow(String child, boolean onlyDirectories) throws ErrnoException {
        if (lowers.length == 1) {
            Inode found = lowers[0].lookup(child);
            if (found == null || onlyDirectories && !Marks.isDirectory(found) || Marks.isWhiteout(found)) {
                return NO_LOWERS;
            }
            return new Inode[] {found};
        }
        List<Inode> found = new ArrayList<>(lowers.length);
        for (int i = 0; i < lowers.length; i++) {
            Inode candidate = lowers[i].lookup(child);
            if (candidate == null) {
                continue;
            }
            if (Marks.isWhiteout(candidate)) {
                break;
            }
            if (!Marks.isDirectory(candidate)) {
                if (found.isEmpty() && !onlyDirectories) {
                    found.add(candidate);
                }
                break;
            }
            found.add(candidate);
            if (i + 1 < lowers.length && Marks.isOpaque(candidate)) {
                break;
            }
        }
        return found.toArray(NO_LOWERS);
    }

    private boolean hasBelow(String child) throws ErrnoException {
        return lowers.length > 0 && findBelow(child, false).length > 0;
    }

    /** Makes something under a name that may be covered by a whiteout, which comes back when making fails. */
    @FunctionalInterface
    private interface Maker {
        Inode make(Inode upperDirectory) throws ErrnoException;
    }

    private OverlayInode makeLocked(Inode upperDirectory, String child, boolean isDirectory, Maker maker) throws ErrnoException {
        Inode covered = upperDirectory.lookup(child);
        if (covered != null && !Marks.isWhiteout(covered)) {
            throw EEXIST.error();
        }
        if (covered == null && !overlay().cachesDentries() && hasBelow(child)) {
            throw EEXIST.error("a lower layer got the name meanwhile");
        }
        if (covered != null) {
            upperDirectory.unlink(child, covered);
        }
        Inode made;
        try {
            made = maker.make(upperDirectory);
            if (isDirectory && covered != null) {
                Marks.makeOpaque(made);
            }
        } catch (ErrnoException e) {
            if (covered != null) {
                Marks.makeWhiteout(upperDirectory, child);
            }
            throw e;
        }
        return made == null ? null : bind(made, isDirectory ? new OverlayDirectory(overlay(), made, NO_LOWERS)
                : new OverlayInode(overlay(), made, NO_LOWERS), child);
    }

    @Override
    public Inode create(String child, NewNode node) throws ErrnoException {
        int type = node.mode() & Stat.S_IFMT;
        if (type == Stat.S_IFCHR && node.rawDevice() == 0) {
            throw EPERM.error("a whiteout");
        }
        Inode upperDirectory = copyUp();
        names.lock();
        try {
            return makeLocked(upperDirectory, child, type == Stat.S_IFDIR, directory -> directory.create(child, node));
        } finally {
            names.unlock();
        }
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        Inode upperDirectory = copyUp();
        names.lock();
        try {
            return makeLocked(upperDirectory, child, false, directory -> directory.symlink(child, target, node));
        } finally {
            names.unlock();
        }
    }

    @Override
    public void link(String child, Inode target) throws ErrnoException {
        OverlayInode file = (OverlayInode) target;
        Inode upperFile = file.copyUp();
        Inode upperDirectory = copyUp();
        names.lock();
        try {
            makeLocked(upperDirectory, child, false, directory -> {
                directory.link(child, upperFile);
                return null;
            });
            file.linked(this, child);
        } finally {
            names.unlock();
        }
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        Inode made = copyUp().createUnnamed(node);
        return LayerLinks.bind(made, new OverlayInode(overlay(), made, NO_LOWERS));
    }

    @Override
    public void unlink(String child, Inode target) throws ErrnoException {
        Inode upperDirectory = copyUp();
        names.lock();
        try {
            boolean covers = hasBelow(child);
            Inode above = upperDirectory.lookup(child);
            if (above == null ? !covers : Marks.isWhiteout(above)) {
                throw ENOENT.error();
            }
            if (above != null) {
                upperDirectory.unlink(child, above);
            }
            if (covers) {
                Marks.makeWhiteout(upperDirectory, child);
            }
            ((OverlayInode) target).unlinked(this, child);
        } finally {
            names.unlock();
        }
    }

    @Override
    public void rmdir(String child, Inode target) throws ErrnoException {
        OverlayDirectory directory = (OverlayDirectory) target;
        Inode upperDirectory = copyUp();
        names.lock();
        try {
            directory.clearForRemoval(upperDirectory.lookup(child));
            boolean covers = hasBelow(child);
            Inode above = upperDirectory.lookup(child);
            if (above != null) {
                upperDirectory.rmdir(child, above);
            }
            if (covers) {
                Marks.makeWhiteout(upperDirectory, child);
            }
            directory.removed(this, child);
        } finally {
            names.unlock();
        }
    }

    private void removed(OverlayDirectory from, String child) {
        isRemoved = true;
        unlinked(from, child);
    }

    /** Checks that nothing shows in this directory, and takes the whiteouts out of its upper one. */
    private void clearForRemoval(Inode upperDirectory) throws ErrnoException {
        List<String> whiteouts = new ArrayList<>();
        if (new MergedListing(this).readForRemoval(whiteouts) > 0) {
            throw ENOTEMPTY.error();
        }
        for (String whiteout : whiteouts) {
            upperDirectory.unlink(whiteout, upperDirectory.lookup(whiteout));
        }
    }

    @Override
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        if ((flags & ~(Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE)) != 0) {
            throw EINVAL.error("overlayfs makes its own whiteouts");
        }
        OverlayInode moved = (OverlayInode) source;
        OverlayInode gone = (OverlayInode) replaced;
        OverlayDirectory to = (OverlayDirectory) newParent;
        boolean isExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        moved.copyUp();
        if (isExchange) {
            gone.copyUp();
        }
        Inode upperFrom = copyUp();
        Inode upperTo = to.copyUp();
        OverlayDirectory first = number() <= to.number() ? this : to;
        OverlayDirectory second = first == this ? to : this;
        first.names.lock();
        second.names.lock();
        try {
            Inode above = materialize(upperFrom, oldName, moved);
            if (isExchange) {
                Inode other = materialize(upperTo, newName, gone);
                upperFrom.rename(oldName, above, upperTo, newName, other, Fcntl.RENAME_EXCHANGE);
                gone.named(this, oldName);
            } else {
                boolean covers = hasBelow(oldName);
                Inode covered = makeRoom(upperTo, newName, gone);
                upperFrom.rename(oldName, above, upperTo, newName, covered, 0);
                if (covers) {
                    Marks.makeWhiteout(upperFrom, oldName);
                }
                if (gone instanceof OverlayDirectory directory) {
                    directory.removed(to, newName);
                } else if (gone != null) {
                    gone.unlinked(to, newName);
                }
            }
            moved.named(to, newName);
            if (moved instanceof OverlayDirectory && to.hasBelow(newName) && moved.lowers.length == 0) {
                Marks.makeOpaque(moved.upper());
            }
        } finally {
            second.names.unlock();
            first.names.unlock();
        }
    }

    /** The upper file under a name; a copied-up file has only one of its lower names at first. */
    private static Inode materialize(Inode upperDirectory, String child, OverlayInode file) throws ErrnoException {
        Inode above = upperDirectory.lookup(child);
        if (above == null) {
            above = file.upper();
            upperDirectory.link(child, above);
        }
        return above;
    }

    /** Prepares the upper directory for something new under a name; gives what the rename will replace there. */
    private static Inode makeRoom(Inode upperTo, String newName, OverlayInode gone) throws ErrnoException {
        Inode above = upperTo.lookup(newName);
        if (gone instanceof OverlayDirectory directory) {
            directory.clearForRemoval(above);
        }
        if (above != null && Marks.isWhiteout(above)) {
            upperTo.unlink(newName, above);
            return null;
        }
        return above;
    }

    @Override
    public OpenFile open(int flags) {
        return new OverlayDirectoryFile(this);
    }
}
