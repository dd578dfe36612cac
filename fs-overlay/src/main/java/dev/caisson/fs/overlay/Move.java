package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.NewNode;

/**
 * A rename. What changes the tree is one rename of the upper layer: with RENAME_WHITEOUT when a lower layer has the old name, with
 * RENAME_EXCHANGE when a whiteout is in the way. A directory that shows lower ones gets a redirect before.
 *
 * @param from directory of the old name
 * @param oldName the old name
 * @param moved what it stands for
 * @param to directory of the new name
 * @param newName the new name
 * @param gone what that stood for, or null
 */
record Move(OverlayDirectory from, String oldName, OverlayInode moved, OverlayDirectory to, String newName, OverlayInode gone) {

    void run(int flags) throws ErrnoException {
        if ((flags & ~(Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE)) != 0) {
            throw EINVAL.error("overlayfs makes its own whiteouts");
        }
        boolean isExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        moved.copyUpContent(Long.MAX_VALUE); // content that is elsewhere would have to be found by another name from now on
        if (isExchange) {
            gone.copyUpContent(Long.MAX_VALUE);
        } else if (gone != null && gone.keepsLinkCount()) {
            gone.copyUp();
        }
        Inode upperFrom = from.copyUp();
        Inode upperTo = to.copyUp();
        OverlayDirectory first = from.number() <= to.number() ? from : to;
        OverlayDirectory second = first == from ? to : from;
        JobControl.acquire(first.names);
        try {
            JobControl.acquire(second.names);
        } catch (ErrnoException e) {
            first.names.unlock();
            throw e;
        }
        try {
            Inode above = from.materializeLocked(upperFrom, oldName, moved);
            prepare(moved, from, to);
            if (isExchange) {
                Inode other = to.materializeLocked(upperTo, newName, gone);
                prepare(gone, to, from);
                upperFrom.rename(oldName, above, upperTo, newName, other, Fcntl.RENAME_EXCHANGE);
                gone.named(from, oldName);
            } else {
                replace(upperFrom, above, upperTo);
            }
            moved.named(to, newName);
            from.entriesChanged();
            to.entriesChanged();
        } finally {
            second.names.unlock();
            first.names.unlock();
        }
    }

    /** Marks what has to be marked before something comes into another directory, or gets another name there. */
    private static void prepare(OverlayInode file, OverlayDirectory source, OverlayDirectory target) throws ErrnoException {
        if (source != target && source.isImpure() && file.hasOrigin()) {
            target.makeImpure();
        }
        if (file instanceof OverlayDirectory directory) {
            if (directory.lowers.length > 0) {
                redirect(directory, source == target);
            } else if (target.lowers.length > 0) {
                source.overlay().marks().makeOpaque(directory.upper());
            }
        }
    }

    /** Within a directory the old name says where the lower layers have it; elsewhere, only a path from the root does. */
    private static void redirect(OverlayDirectory directory, boolean staysInDirectory) throws ErrnoException {
        String known = directory.redirect();
        if (known != null && (staysInDirectory || known.charAt(0) == '/')) {
            return;
        }
        if (staysInDirectory) {
            directory.redirected(directory.name());
            return;
        }
        StringBuilder path = new StringBuilder();
        for (OverlayDirectory at = directory; at != directory.overlay().top(); at = at.parent()) {
            String part = at.redirect() != null ? at.redirect() : at.name();
            if (part.charAt(0) == '/') {
                path.insert(0, part);
                break;
            }
            path.insert(0, part).insert(0, '/');
        }
        directory.redirected(path.toString());
    }

    private void replace(Inode upperFrom, Inode above, Inode upperTo) throws ErrnoException {
        Marks marks = from.overlay().marks();
        boolean covers = from.hasBelow(oldName);
        Inode covered = upperTo.lookup(newName);
        boolean isWhiteout = covered != null && to.isWhiteout(covered);
        if (gone instanceof OverlayDirectory directory) {
            directory.checkEmpty();
            if (covered != null && !WorkArea.names(covered).isEmpty()) {
                covered = empty(upperTo, covered);
            }
        }
        if (isWhiteout && (covers || Marks.isDirectory(above))) {
            if (covers && (covered.mode() & Stat.S_IFMT) != Stat.S_IFCHR) {
                from.markWhiteouts();
            }
            upperFrom.rename(oldName, above, upperTo, newName, covered, Fcntl.RENAME_EXCHANGE);
            if (!covers) {
                upperFrom.unlink(oldName, covered);
            }
        } else if (!covers) {
            upperFrom.rename(oldName, above, upperTo, newName, covered, 0);
        } else if (!marks.makesDevices() || !leaveWhiteout(upperFrom, above, upperTo, covered)) {
            withoutWhiteout(upperFrom, above, upperTo, covered);
        }
        if (gone instanceof OverlayDirectory directory) {
            directory.removed(to, newName);
        } else if (gone != null) {
            gone.unlinked(to, newName, covered != null);
        }
    }

    private boolean leaveWhiteout(Inode upperFrom, Inode above, Inode upperTo, Inode covered) throws ErrnoException {
        try {
            upperFrom.rename(oldName, above, upperTo, newName, covered, Fcntl.RENAME_WHITEOUT);
            return true;
        } catch (ErrnoException e) {
            if (e.errno() == EINVAL || e.errno() == EPERM) {
                return false; // the host's filesystem has no such thing
            }
            throw e;
        }
    }

    /** In one step if nothing is replaced: a whiteout hides nothing under a new name. Else the old lower file shows in between. */
    private void withoutWhiteout(Inode upperFrom, Inode above, Inode upperTo, Inode covered) throws ErrnoException {
        if (covered == null) {
            to.whiteoutLocked(upperTo, newName, null);
            if (!from.overlay().marks().makesDevices()) {
                from.markWhiteouts();
            }
            upperFrom.rename(oldName, above, upperTo, newName, upperTo.lookup(newName), Fcntl.RENAME_EXCHANGE);
        } else {
            upperFrom.rename(oldName, above, upperTo, newName, covered, 0);
            from.whiteoutLocked(upperFrom, oldName, null);
        }
    }

    /** Puts a directory without entries in place of one that has only whiteouts. */
    private Inode empty(Inode upperTo, Inode covered) throws ErrnoException {
        OverlayFileSystem overlay = to.overlay();
        WorkArea work = overlay.work();
        String temporary = work.newName();
        Inode made = work.directory().create(temporary, new NewNode(covered.mode(), covered.uid(), covered.gid(), 0));
        try {
            overlay.marks().makeOpaque(made);
            CopyUp.copyAttributes(overlay.marks(), covered, made);
            work.publish(temporary, made, upperTo, newName, covered);
        } catch (ErrnoException e) {
            work.discard(temporary, made);
            throw e;
        }
        return made;
    }
}
