package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LookAhead;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.PosixAcl;
import java.util.List;
import java.util.Map;

/** A directory of the server. */
final class NinepDirectory extends NinepInode {
    /** In a listing: there is, or may be, such an entry, and the server is to be asked about it. */
    private static final FileAttributes ASK =
            new FileAttributes(new Qid(0, 0, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    private static final int MOST_LISTED = 8192;
    private static final long DEFAULT_LIST_NS = 1_000_000_000L;
    private static final int TRIES = 3;

    private final boolean isTop;
    /** Entries as they were listed, for one lookup each; null when there was no listing. Guarded by this. */
    private Map<String, FileAttributes> listing;
    /** The entries in their order, while {@link #listing} is complete and no name has changed since; else null. Guarded by this. */
    private List<NinepDirectoryFile.Entry> inOrder;
    /** Whether what is not in the listing does not exist. Guarded by this. */
    private boolean isListingComplete;
    /** Whether there is a default access list, as of a time; null before anybody asked. */
    private volatile DefaultList defaultList;
    /** How many have it open. Guarded by this. */
    private int opens;
    /** Keeps a fid of a directory that has lost its name while it was open. Guarded by this. */
    private Handle pinned;
    /** The session whose server has removed a name from here, so that it will remove others. */
    private volatile Session removesBy;
    private final LateRemovals late = new LateRemovals(this);
    /** Counts changes of names, on both sides of each. Guarded by this. */
    private int nameChanges;

    NinepDirectory(NinepFileSystem fileSystem, FileAttributes attributes, boolean isTop) {
        super(fileSystem, attributes);
        this.isTop = isTop;
    }

    @Override
    boolean isTop() {
        return isTop;
    }

    // ---- lookups

    @Override
    public Inode lookup(String child) throws ErrnoException {
        if (entry() == null && !isTop) {
            return null; // it was removed, and to the server its fid may be a path where another one is now
        }
        FileAttributes known = null;
        synchronized (this) {
            if (listing != null) {
                known = listing.get(child);
                if (known == null && isListingComplete) {
                    return null;
                }
                if (known != null && known != ASK) {
                    listing.put(child, ASK); // from now on the inode knows better
                }
            }
        }
        // A file of several names may have changed under another one.
        if (known != null && known != ASK && (isDirectory(known) || known.links() == 1)) {
            return ninep().inode(known, this, child);
        }
        return ask(true, (session, fid) -> {
            Session.Found found = session.lookup(fid, child);
            return found == null ? null : adopt(session, found.fid(), found.attributes(), child);
        });
    }

    @Override
    public LookAhead lookAhead(List<String> names) throws ErrnoException {
        NinepLookAhead.Trail trail = ask(true, (session, fid) -> session.isExtended() ? session.lookups(fid, names) : null);
        return trail == null ? null : new NinepLookAhead(this, names, trail);
    }

    /** The file that the server has told of; a fid that came with that is kept. */
    NinepInode adopt(Session session, int fid, FileAttributes attributes, String child) {
        NinepInode inode = ninep().inode(attributes, this, child);
        if (fid != Protocol.NO_FID) {
            inode.way().offer(session, fid);
        }
        return inode;
    }

    /**
     * The directory was listed from its start.
     *
     * @param entries by name, to be kept
     * @param order all of them, to be kept; null when there are more
     * @param asOf {@link #nameVersion} before it
     */
    void listed(Map<String, FileAttributes> entries, List<NinepDirectoryFile.Entry> order, int asOf) {
        synchronized (this) {
            if (nameChanges != asOf) {
                return;
            }
            listing = entries;
            isListingComplete = order != null;
            inOrder = order;
        }
        ninep().hasListing(this, entries.size());
    }

    /** {@return the entries in the server's order, if they are known; never changed} */
    synchronized List<NinepDirectoryFile.Entry> inOrder() {
        return inOrder;
    }

    /** {@return a number that changes with the names} */
    synchronized int nameVersion() {
        return nameChanges;
    }

    synchronized void forgetListing() {
        listing = null;
        inOrder = null;
    }

    /** A name may appear or go, or has: what was listed does not tell of it. To be called before and after. */
    synchronized void nameChanges(String child) {
        nameChanges++;
        inOrder = null;
        if (listing == null) {
            return;
        }
        if (listing.size() < MOST_LISTED || listing.containsKey(child)) {
            listing.put(child, ASK);
        } else {
            listing = null;
        }
    }

    /** A name is gone. */
    private synchronized void nameGone(String child) {
        nameChanges++;
        inOrder = null;
        if (listing != null) {
            listing.remove(child);
        }
    }

    // ---- access control lists

    private record DefaultList(boolean isThere, long sinceNs) {}

    /** Known for good where nobody else sets one; else asked again after a while: the time of change tells nothing of a busy directory. */
    @Override
    public boolean hasDefaultAcl() throws ErrnoException {
        DefaultList known = defaultList;
        if (ninep().lacksLists()) {
            return false;
        }
        if (known != null && (ninep().isExclusive() || System.nanoTime() - known.sinceNs < DEFAULT_LIST_NS)) {
            return known.isThere;
        }
        boolean isThere = false;
        try {
            isThere = getXattr(PosixAcl.DEFAULT).length > 0;
        } catch (ErrnoException e) {
            if (e.errno() == EOPNOTSUPP) {
                ninep().hasNoLists();
            } else if (e.errno() != Errno.ENODATA) {
                throw e;
            }
        }
        defaultList = new DefaultList(isThere, System.nanoTime());
        return isThere;
    }

    /** It was just made, in a directory without a default list, and nobody knows it yet. */
    void inheritsNoDefaultAcl() {
        defaultList = new DefaultList(false, System.nanoTime());
    }

    @Override
    void accessListChanged() {
        super.accessListChanged();
        defaultList = null;
    }

    // ---- changes whose answer may be lost with the connection

    /** A change of names. */
    @FunctionalInterface
    interface Change {
        void make() throws ErrnoException;
    }

    /** Looks whether a change was made. */
    @FunctionalInterface
    interface Look {
        boolean isMade() throws ErrnoException;
    }

    /** Makes a change. When the connection is lost in between, looks whether it was made, and makes it if not. */
    void change(Look look, Change change) throws ErrnoException {
        for (int tries = 1;; tries++) {
            Session session = ninep().session();
            try {
                change.make();
                return;
            } catch (ErrnoException e) {
                if (!session.isBroken() || tries == TRIES) {
                    throw e;
                }
                if (look.isMade()) {
                    return;
                }
            }
        }
    }

    /** What the server has under a name; null for nothing. */
    FileAttributes find(String child) throws ErrnoException {
        return ask(true, (session, fid) -> {
            Session.Found found = session.lookup(fid, child);
            if (found != null && found.fid() != Protocol.NO_FID) {
                session.clunk(found.fid());
            }
            return found == null ? null : found.attributes();
        });
    }

    private boolean has(String child, NinepInode file) throws ErrnoException {
        FileAttributes found = find(child);
        return found != null && file.isSameFile(found);
    }

    // ---- creation

    @Override
    public Inode create(String child, NewNode node) throws ErrnoException {
        return new Creation(this, child, node).file();
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        NewNode link = new NewNode(Stat.S_IFLNK | 0777, node.uid(), node.gid(), 0);
        return new Creation(this, child, link).link(target);
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        return new Creation(this, "", node).unnamed();
    }

    /** Something done with fids of two files. */
    @FunctionalInterface
    private interface UseOfBoth {
        void on(Session session, int fid, int otherFid) throws ErrnoException;
    }

    private void askBoth(NinepInode other, UseOfBoth use) throws ErrnoException {
        ask(false, (session, fid) -> other.ask(false, (otherSession, otherFid) -> {
            if (session != otherSession) {
                throw EIO.error("the connection was lost in between");
            }
            use.on(session, fid, otherFid);
            return null;
        }));
    }

    @Override
    public void link(String child, Inode target) throws ErrnoException {
        ninep().checkWritable();
        nameChanges(child);
        NinepInode file = (NinepInode) target;
        change(() -> has(child, file), () -> askBoth(file, (session, fid, other) -> session.link(fid, other, child)));
        nameChanges(child);
        file.linked(this, child);
        changed();
    }

    // ---- removal

    @Override
    public void unlink(String child, Inode target) throws ErrnoException {
        NinepInode file = (NinepInode) target;
        ninep().checkWritable();
        try {
            losesName(file);
            if (removesLate(child, file)) {
                gone(file, child);
            } else {
                remove(child, file, 0);
                removesBy = ninep().session();
            }
        } finally {
            lostName(file);
        }
    }

    /**
     * Removes a name without waiting for the answer, where that is known: nobody else changes the tree, the server has removed a name from
     * this directory before, and nothing keeps it from removing this one.
     *
     * @return false when it is to be asked
     */
    private boolean removesLate(String child, NinepInode file) throws ErrnoException {
        Session session = removesBy;
        boolean isKnown = session != null && ninep().foreseesRemovals(session) && !file.isOpen() && file.hasSurelyOneName()
                && ((mode() & Stat.S_ISVTX) == 0 || ninep().isPrivileged());
        if (!isKnown) {
            return false;
        }
        nameChanges(child);
        if (!late.remove(child)) {
            return false;
        }
        ninep().hasLate(this);
        return true;
    }

    @Override
    void settle() throws ErrnoException {
        if (late.settle()) {
            ninep().hasNoLate(this);
        }
    }

    boolean hasLateRemovals() {
        return late.hasAny();
    }

    /** A name is still there that was told to be gone. */
    void reappears(String child) {
        nameChanges(child);
    }

    /** Before a name of a file goes: it may be the only one that is known here. */
    private static void losesName(NinepInode file) throws ErrnoException {
        NinepContent content = file.content();
        if (content != null) {
            content.pin();
            if (content.hasUnwritten() && file.attributes().links() != 1) {
                content.writeBack(); // others will see it by another name
            }
        } else if (file instanceof NinepDirectory directory) {
            directory.pin();
        }
    }

    private static void lostName(NinepInode file) {
        if (file.content() != null) {
            file.content().pinned();
        }
    }

    // ---- a directory that is open

    private synchronized void opened() {
        opens++;
    }

    /** An open file of this directory was closed. */
    void closed() {
        Handle last;
        synchronized (this) {
            if (--opens > 0) {
                return;
            }
            last = pinned;
            pinned = null;
        }
        if (last != null) {
            ninep().fids().release(last);
        }
        if (entry() == null && !isTop) {
            ninep().forget(this);
        }
    }

    @Override
    synchronized boolean isOpen() {
        return opens > 0;
    }

    /** Before the name goes: whoever has the directory open may still ask about it, and change its attributes. */
    private void pin() {
        synchronized (this) {
            if (opens == 0 || pinned != null) {
                return;
            }
        }
        Handle own;
        try {
            own = reach();
        } catch (ErrnoException e) {
            return; // then using it would fail as well
        }
        synchronized (this) {
            if (opens > 0 && pinned == null) {
                pinned = own;
                return;
            }
        }
        ninep().fids().release(own);
    }

    @Override
    public void rmdir(String child, Inode target) throws ErrnoException {
        ninep().checkWritable();
        ((NinepInode) target).settle(); // it is empty for the server, too
        losesName((NinepInode) target);
        remove(child, (NinepInode) target, Protocol.AT_REMOVEDIR);
    }

    private void remove(String child, NinepInode file, int flags) throws ErrnoException {
        nameChanges(child);
        change(() -> !has(child, file), () -> ask(false, (session, fid) -> {
            session.unlink(fid, child, flags);
            return null;
        }));
        gone(file, child);
    }

    private void gone(NinepInode file, String child) {
        nameGone(child);
        file.unnamed(this, child);
        changed();
        if (file.entry() == null && !file.isOpen()) {
            ninep().forget(file);
        } else if (file.entry() == null && file.content() == null) {
            ninep().leave(file); // the server may use its number again
        }
    }

    @Override
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        ninep().checkWritable();
        if (flags != 0 && !ninep().isExtended()) {
            throw EINVAL.error("the protocol knows no flags");
        }
        NinepDirectory to = (NinepDirectory) newParent;
        NinepInode moved = (NinepInode) source;
        NinepInode other = (NinepInode) replaced;
        boolean isExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        if (other == null || isExchange) {
            rename(oldName, moved, to, newName, other, flags);
            return;
        }
        try {
            other.settle(); // if it is a directory, it is empty for the server, too
            losesName(other);
            rename(oldName, moved, to, newName, other, flags);
        } finally {
            lostName(other);
        }
    }

    private void rename(String oldName, NinepInode moved, NinepDirectory to, String newName, NinepInode other, int flags)
            throws ErrnoException {
        boolean isExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        nameChanges(oldName);
        to.nameChanges(newName);
        change(() -> to.has(newName, moved) && !has(oldName, moved),
                () -> askBoth(to, (session, fid, at) -> session.rename(fid, oldName, at, newName, flags)));
        if (moved.type() == Stat.S_IFDIR || isExchange && other.type() == Stat.S_IFDIR) {
            ninep().directoryRenamed();
        }
        if (other != null && !isExchange) {
            to.gone(other, newName);
        }
        if (flags == 0) {
            nameGone(oldName);
        } else {
            nameChanges(oldName);
        }
        to.nameChanges(newName);
        moved.renamed(this, oldName, to, newName);
        if (isExchange) {
            other.renamed(to, newName, this, oldName);
        }
        changed();
        to.changed();
    }

    @Override
    public OpenFile open(int flags) {
        opened();
        return new NinepDirectoryFile(this);
    }
}
