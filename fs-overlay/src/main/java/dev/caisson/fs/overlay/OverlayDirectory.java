package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.LayerChange;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.lang.ref.SoftReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/** A directory: the union of an upper one and the lower ones that it does not hide. */
final class OverlayDirectory extends OverlayInode {
    private enum Purity { UNKNOWN, PURE, IMPURE }

    private record Listing(long version, List<MergedListing.Entry> entries) {}

    /** Guards the upper directory's entries and what is derived from them. Two of them: ascending inode number. */
    final ReentrantLock names = new ReentrantLock();

    /** Which of the lower directories have whiteouts of the second form; null for none. */
    private final boolean[] marked;
    /** Whether the upper directory has such whiteouts. */
    private volatile boolean isUpperMarked;
    private volatile Purity purity = Purity.UNKNOWN;
    /** Where the layers below have this directory, when it is not under its own name there. Guarded by the directories' names locks. */
    private volatile String redirect;
    private volatile boolean isRemoved;
    /** Counts changes of entries. Guarded by {@link #names}. */
    private volatile long version;
    private volatile SoftReference<Listing> listing;

    OverlayDirectory(OverlayFileSystem fileSystem, Inode upper, LowerLayers below, String redirect) {
        super(fileSystem, upper, below.inodes(), below.inodes().length > 0 ? fileSystem.origins().lowerNumber(below.inodes()[0])
                : fileSystem.origins().upperNumber(upper.number()));
        this.marked = below.marked();
        this.redirect = redirect;
    }

    @Override
    public FileIdentity identity() throws ErrnoException {
        return lowers.length > 0 && overlay().isAboveOld() ? lowers[0].identity() : super.identity();
    }

    boolean isMarked(int layer) {
        return marked != null && marked[layer];
    }

    boolean isUpperMarked() {
        return isUpperMarked;
    }

    String redirect() {
        return redirect;
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
    boolean hasOrigin() {
        return lowers.length > 0;
    }

    // ---- copy-up and marks

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
        JobControl.acquire(copyUpLock());
        try {
            while (upper() == null) {
                OverlayDirectory above = parent();
                if (above == null) {
                    throw ENOENT.error("the directory was removed");
                }
                Inode upperParent = above.copyUp();
                JobControl.acquire(above.names);
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
            copyUpLock().unlock();
        }
    }

    private void copyUpInto(OverlayDirectory above, Inode upperParent) throws ErrnoException {
        Attributes before = upperParent.attributes();
        CopyUp.Copy copy = CopyUp.of(overlay(), lowers[0], lowers[0], 0);
        try {
            above.makeImpure();
            overlay().work().publish(copy.name(), copy.inode(), upperParent, name(), null);
        } catch (ErrnoException e) {
            overlay().work().discard(copy.name(), copy.inode());
            throw e;
        }
        above.restoreTimes(before);
        purity = Purity.PURE;
        becomeUpperDirectory(copy.inode());
    }

    /** Copying a file up is no change of its directory that anybody should see. */
    void restoreTimes(Attributes before) throws ErrnoException {
        upper().change(new AttributeChange(AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME, 0, 0, 0, 0, before.accessNs(),
                before.modifyNs(), FileClock.nowNs()));
    }

    /** Whether upper entries may have come from below, so that their numbers are those of the lower files. */
    boolean isImpure() throws ErrnoException {
        Purity known = purity;
        if (known == Purity.UNKNOWN) {
            Inode u = upper();
            if (u == null) {
                return false;
            }
            known = overlay().marks().isImpure(u) ? Purity.IMPURE : Purity.PURE;
            purity = known;
        }
        return known == Purity.IMPURE;
    }

    /** An upper entry that came from below is about to be added. */
    void makeImpure() throws ErrnoException {
        if (!isImpure()) {
            overlay().marks().makeImpure(upper());
            purity = Purity.IMPURE;
        }
    }

    /** The upper directory has this redirect now. */
    void redirected(String target) throws ErrnoException {
        overlay().marks().redirect(upper(), target);
        redirect = target;
    }

    // ---- lookup

    @Override
    public Inode lookup(String child) throws ErrnoException {
        JobControl.acquire(names);
        try {
            return findLocked(child);
        } finally {
            names.unlock();
        }
    }

    private OverlayInode findLocked(String child) throws ErrnoException {
        Inode u = upper();
        Inode above = u == null ? null : u.lookup(child);
        if (above != null) {
            OverlayInode known = LayerLinks.find(above, overlay());
            if (known != null) {
                return known;
            }
            if (overlay().marks().isWhiteout(above, isUpperMarked)) {
                return null;
            }
            return Marks.isDirectory(above) ? upperDirectory(above, child)
                    : bind(above, UpperFiles.of(this, above, child), child);
        }
        if (lowers.length == 0) {
            return null;
        }
        LowerLayers below = LowerLayers.find(this, child, null, false);
        return below.inodes().length == 0 ? null : lowerOnly(below, child);
    }

    private OverlayInode upperDirectory(Inode above, String child) throws ErrnoException {
        LowerLayers below = LowerLayers.NONE;
        String target = null;
        boolean hasWhiteouts = false;
        if (lowers.length > 0 || isImpure()) {
            Marks marks = overlay().marks();
            Marks.Opacity opacity = marks.opacity(above);
            hasWhiteouts = opacity == Marks.Opacity.HAS_WHITEOUTS;
            if (opacity != Marks.Opacity.OPAQUE) {
                target = marks.redirect(above);
                if (lowers.length > 0 || target != null && target.charAt(0) == '/') {
                    below = LowerLayers.find(this, child, target, true);
                }
            }
        }
        OverlayDirectory made = new OverlayDirectory(overlay(), above, below, target);
        made.isUpperMarked = hasWhiteouts;
        return bind(above, made, child);
    }

    private OverlayInode lowerOnly(LowerLayers below, String child) throws ErrnoException {
        Inode low = below.inodes()[0];
        OverlayInode known = LayerLinks.find(low, overlay());
        if (known != null) {
            if (known.parent() == null && known.upper() == null) {
                known.named(this, child); // another link of a file whose first name is gone
            }
            return known;
        }
        if (Marks.isDirectory(low)) {
            return bind(low, new OverlayDirectory(overlay(), null, below, null), child);
        }
        OverlayInode indexed = UpperFiles.indexed(this, below);
        if (indexed != null) {
            return bind(low, indexed, child);
        }
        return bind(low, new OverlayInode(overlay(), null, below.inodes(), overlay().origins().lowerNumber(low))
                .withContentOf(below.inodes().length > 1 ? below.content() : null), child);
    }

    private OverlayInode bind(Inode real, OverlayInode candidate, String child) {
        OverlayInode bound = LayerLinks.bind(real, candidate);
        if (bound.parent() == null) {
            bound.named(this, child);
        }
        return bound;
    }

    /** Whether the lower layers have a name, which a whiteout must hide when it goes. */
    boolean hasBelow(String child) throws ErrnoException {
        return lowers.length > 0 && LowerLayers.find(this, child, null, false).inodes().length > 0;
    }

    boolean isWhiteout(Inode above) throws ErrnoException {
        return overlay().marks().isWhiteout(above, isUpperMarked);
    }

    // ---- listing

    /** All visible entries but "." and "..". */
    List<MergedListing.Entry> entries() throws ErrnoException {
        SoftReference<Listing> reference = listing;
        Listing known = reference == null ? null : reference.get();
        if (known != null && known.version == version) {
            return known.entries;
        }
        long before;
        List<MergedListing.Entry> read;
        JobControl.acquire(names);
        try {
            before = version;
            read = new MergedListing(this).read();
        } finally {
            names.unlock();
        }
        if (overlay().cachesDentries()) {
            listing = new SoftReference<>(new Listing(before, read));
        }
        return read;
    }

    /** Entries were added, removed or replaced; the names lock is held. */
    void entriesChanged() {
        version++;
    }

    List<LayerChange> layerChanges() throws ErrnoException {
        Inode u = upper();
        if (u == null) {
            return List.of();
        }
        List<LayerChange> changes = new ArrayList<>();
        for (String child : WorkArea.names(u)) {
            Inode above = u.lookup(child);
            if (above == null) {
                continue;
            }
            if (isWhiteout(above)) {
                changes.add(new LayerChange(child, LayerChange.Kind.REMOVED));
            } else if (lookup(child) instanceof OverlayDirectory directory) {
                boolean merges = directory.lowers.length > 0 && directory.redirect == null;
                changes.add(new LayerChange(child, merges ? LayerChange.Kind.DIRECTORY : LayerChange.Kind.OPAQUE));
            } else {
                changes.add(new LayerChange(child, LayerChange.Kind.FILE));
            }
        }
        return changes;
    }

    // ---- new names

    /** Makes something under a name of an upper directory. */
    @FunctionalInterface
    private interface Maker {
        Inode make(Inode directory, String name) throws ErrnoException;
    }

    private OverlayInode makeLocked(Inode upperDirectory, String child, boolean isDirectory, Maker maker) throws ErrnoException {
        Inode covered = upperDirectory.lookup(child);
        if (covered != null && !isWhiteout(covered)) {
            throw EEXIST.error();
        }
        if (covered == null && !overlay().cachesDentries() && hasBelow(child)) {
            throw EEXIST.error("a lower layer got the name meanwhile");
        }
        Inode made;
        if (covered == null) {
            made = maker.make(upperDirectory, child);
            if (isDirectory && lowers.length > 0) {
                overlay().marks().makeOpaque(made);
            }
        } else {
            made = makeOverWhiteout(upperDirectory, child, covered, isDirectory, maker);
        }
        entriesChanged();
        return made == null ? null : bind(made, isDirectory ? new OverlayDirectory(overlay(), made, LowerLayers.NONE, null)
                : new OverlayInode(overlay(), made, NO_LOWERS, overlay().origins().upperNumber(made.number())), child);
    }

    private Inode makeOverWhiteout(Inode upperDirectory, String child, Inode covered, boolean isDirectory, Maker maker)
            throws ErrnoException {
        WorkArea work = overlay().work();
        String temporary = work.newName();
        Inode made = maker.make(work.directory(), temporary);
        Inode inWork = made != null ? made : work.directory().lookup(temporary);
        try {
            if (isDirectory) {
                overlay().marks().makeOpaque(made);
            }
            work.publish(temporary, inWork, upperDirectory, child, covered);
        } catch (ErrnoException e) {
            work.discard(temporary, inWork);
            throw e;
        }
        return made;
    }

    @Override
    public Inode create(String child, NewNode node) throws ErrnoException {
        int type = node.mode() & Stat.S_IFMT;
        if (type == Stat.S_IFCHR && node.rawDevice() == 0) {
            throw EPERM.error("a whiteout");
        }
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            return makeLocked(upperDirectory, child, type == Stat.S_IFDIR, (directory, as) -> directory.create(as, node));
        } finally {
            names.unlock();
        }
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            return makeLocked(upperDirectory, child, false, (directory, as) -> directory.symlink(as, target, node));
        } finally {
            names.unlock();
        }
    }

    @Override
    public void link(String child, Inode target) throws ErrnoException {
        OverlayInode file = (OverlayInode) target;
        Inode upperFile = file.copyUpContent(Long.MAX_VALUE); // another name would not lead to content that is elsewhere
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            if (file.hasOrigin()) {
                makeImpure();
            }
            makeLocked(upperDirectory, child, false, (directory, as) -> {
                directory.link(as, upperFile);
                return null;
            });
            file.named(this, child);
        } finally {
            names.unlock();
        }
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        Inode made = copyUp().createUnnamed(node);
        return LayerLinks.bind(made, new OverlayInode(overlay(), made, NO_LOWERS, overlay().origins().upperNumber(made.number())));
    }

    /** A file that the index knows gets its name in the upper directory, if this is still its name. */
    void materialize(OverlayInode file) throws ErrnoException {
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            if (file.parent() == this) {
                Attributes before = upperDirectory.attributes();
                makeImpure();
                materializeLocked(upperDirectory, file.name(), file);
                restoreTimes(before);
            }
        } finally {
            names.unlock();
        }
    }

    /** The upper file under a name; a copied-up file has only one of its lower names at first. */
    Inode materializeLocked(Inode upperDirectory, String child, OverlayInode file) throws ErrnoException {
        Inode above = upperDirectory.lookup(child);
        if (above == null) {
            above = file.upper();
            upperDirectory.link(child, above);
            file.materialized();
        }
        return above;
    }

    // ---- names that go

    @Override
    public void unlink(String child, Inode target) throws ErrnoException {
        OverlayInode file = (OverlayInode) target;
        if (file.keepsLinkCount()) {
            file.copyUp();
        }
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            boolean covers = hasBelow(child);
            Inode above = upperDirectory.lookup(child);
            if (above == null ? !covers : isWhiteout(above)) {
                throw ENOENT.error();
            }
            if (covers) {
                whiteoutLocked(upperDirectory, child, above);
            } else {
                upperDirectory.unlink(child, above);
            }
            entriesChanged();
            file.unlinked(this, child, above != null);
        } finally {
            names.unlock();
        }
    }

    @Override
    public void rmdir(String child, Inode target) throws ErrnoException {
        OverlayDirectory directory = (OverlayDirectory) target;
        Inode upperDirectory = copyUp();
        JobControl.acquire(names);
        try {
            directory.checkEmpty();
            boolean covers = hasBelow(child);
            Inode above = upperDirectory.lookup(child);
            if (covers) {
                whiteoutLocked(upperDirectory, child, above);
            } else if (above == null) {
                throw ENOENT.error();
            } else if (WorkArea.names(above).isEmpty()) {
                upperDirectory.rmdir(child, above);
            } else {
                overlay().work().takeAway(upperDirectory, child, above);
            }
            entriesChanged();
            directory.removed(this, child);
        } finally {
            names.unlock();
        }
    }

    void removed(OverlayDirectory from, String child) throws ErrnoException {
        isRemoved = true;
        unlinked(from, child, true);
    }

    void checkEmpty() throws ErrnoException {
        if (!entries().isEmpty()) {
            throw ENOTEMPTY.error();
        }
    }

    /** Puts a whiteout under a name, in place of what the upper directory has there, in one step. */
    void whiteoutLocked(Inode upperDirectory, String child, Inode above) throws ErrnoException {
        Marks marks = overlay().marks();
        if (above == null && marks.makesDevices() && marks.tryWhiteout(upperDirectory, child)) {
            return;
        }
        WorkArea work = overlay().work();
        String temporary = work.newName();
        Inode whiteout = marks.makeWhiteout(work.directory(), temporary);
        if (!marks.makesDevices()) {
            markWhiteouts();
        }
        work.publish(temporary, whiteout, upperDirectory, child, above);
    }

    /** The directory gets whiteouts of the second form. */
    void markWhiteouts() throws ErrnoException {
        if (!isUpperMarked) {
            overlay().marks().markWhiteouts(upper());
            isUpperMarked = true;
        }
    }

    @Override
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        new Move(this, oldName, (OverlayInode) source, (OverlayDirectory) newParent, newName, (OverlayInode) replaced).run(flags);
    }

    @Override
    public OpenFile open(int flags) {
        return new OverlayDirectoryFile(this);
    }
}
