package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LookAhead;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.PosixAcl;
import java.util.HashMap;
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

    private NinepInode adopt(Session session, int fid, FileAttributes attributes, String child) {
        NinepInode inode = ninep().inode(attributes, this, child);
        if (fid != Protocol.NO_FID) {
            inode.offer(session, fid);
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
    private synchronized void nameChanges(String child) {
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

    // ---- creation

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

    @Override
    void accessListChanged() {
        super.accessListChanged();
        defaultList = null;
    }

    /** Gives a new file owner and mode, where the server had its own idea of them. */
    private NinepInode finish(Session session, int made, FileAttributes found, String child, NewNode node) throws ErrnoException {
        int fid = made;
        FileAttributes attributes = found;
        int valid = attributes.uid() != node.uid() ? AttributeUpdate.UID : 0;
        valid |= attributes.gid() != node.gid() ? AttributeUpdate.GID : 0;
        boolean hasMode = (attributes.mode() & Stat.S_IFMT) != Stat.S_IFLNK;
        // What is missing of the permissions, the list has taken away.
        int kept = hasDefaultAcl() ? 07000 | attributes.mode() & 0777 : 07777;
        NewNode wanted = new NewNode(node.mode() & (~07777 | kept), node.uid(), node.gid(), node.rawDevice());
        valid |= hasMode && ((attributes.mode() ^ wanted.mode()) & 07777) != 0 ? AttributeUpdate.MODE : 0;
        if (valid != 0) {
            if (fid == Protocol.NO_FID) {
                Session.Walked walked = ask(true, (s, at) -> s.walk(at, List.of(child)));
                fid = walked.fid();
            }
            if ((valid & ~AttributeUpdate.MODE) != 0 && hasMode) {
                valid |= AttributeUpdate.MODE; // a new owner may cost set-user-ID
            }
            try {
                updateOwner(session, fid, valid, wanted);
                attributes = session.attributes(fid);
            } catch (ErrnoException e) {
                session.clunk(fid);
                throw e;
            }
        }
        return adopt(session, fid, attributes, child);
    }

    private static void updateOwner(Session session, int fid, int valid, NewNode node) throws ErrnoException {
        int owner = valid & (AttributeUpdate.UID | AttributeUpdate.GID);
        if (owner != 0) {
            try {
                session.update(fid, new AttributeUpdate(owner, 0, node.uid(), node.gid(), 0, 0, 0));
            } catch (ErrnoException e) {
                if (e.errno() != EPERM) {
                    throw e;
                } // the server runs as an ordinary user, whose file it is then
            }
        }
        if ((valid & AttributeUpdate.MODE) != 0) {
            session.update(fid, new AttributeUpdate(AttributeUpdate.MODE, node.mode() & 07777, 0, 0, 0, 0, 0));
        }
    }

    // ---- changes whose answer may be lost with the connection

    /** A change of names. */
    @FunctionalInterface
    private interface Change {
        void make() throws ErrnoException;
    }

    /** Looks whether a change was made. */
    @FunctionalInterface
    private interface Look {
        boolean isMade() throws ErrnoException;
    }

    /** Makes a change. When the connection is lost in between, looks whether it was made, and makes it if not. */
    private void change(Look look, Change change) throws ErrnoException {
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
    private FileAttributes find(String child) throws ErrnoException {
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

    /** Something made under a name by one message. */
    @FunctionalInterface
    private interface Maker {
        void make(Session session, int directory) throws ErrnoException;
    }

    private NinepInode make(String child, NewNode node, Maker maker) throws ErrnoException {
        ninep().checkWritable();
        nameChanges(child);
        change(() -> find(child) != null, () -> ask(false, (session, fid) -> {
            maker.make(session, fid);
            return null;
        }));
        nameChanges(child);
        changed();
        return found(child, node);
    }

    /** What was just made, with the owner and mode that it was to have. */
    private NinepInode found(String child, NewNode node) throws ErrnoException {
        return ask(true, (session, fid) -> {
            Session.Found found = session.lookup(fid, child);
            if (found == null) {
                throw EIO.error("what was just made is not there");
            }
            return finish(session, found.fid(), found.attributes(), child, node);
        });
    }

    @Override
    public Inode create(String child, NewNode node) throws ErrnoException {
        int type = node.mode() & Stat.S_IFMT;
        return switch (type) {
            case Stat.S_IFREG -> createFile(child, node);
            case Stat.S_IFDIR -> {
                NinepInode made = make(child, node, (session, fid) -> session.makeDirectory(fid, child, node.mode() & 07777, node.gid()));
                if (ninep().isExclusive() && made instanceof NinepDirectory directory) {
                    directory.listed(new HashMap<>(), List.of(), directory.nameVersion()); // it is empty, and nobody knows it yet
                }
                yield made;
            }
            case Stat.S_IFIFO, Stat.S_IFSOCK -> make(child, node,
                    (session, fid) -> session.makeNode(fid, child, type | node.mode() & 07777, 0, 0, node.gid()));
            default -> throw EPERM.error("no device nodes on the server");
        };
    }

    private Inode createFile(String child, NewNode node) throws ErrnoException {
        ninep().checkWritable();
        nameChanges(child);
        NinepInode[] made = {null};
        boolean[] isThere = {false};
        change(() -> {
            isThere[0] = find(child) != null;
            return false; // it is still to be opened
        }, () -> made[0] = ninep().isExtended() ? createAndOpen(child, node, isThere[0]) : createByProtocol(child, node, isThere[0]));
        return made[0];
    }

    private NinepInode createAndOpen(String child, NewNode node, boolean isThere) throws ErrnoException {
        int flags = (isThere ? 0 : Fcntl.O_CREAT | Fcntl.O_EXCL) | Fcntl.O_RDWR | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;
        return ask(false, (session, fid) -> {
            Session.Opened opened = session.openAt(fid, child, flags, node.mode() & 07777, node.uid(), node.gid());
            nameChanges(child);
            changed();
            return opened(session, opened, adopt(session, Protocol.NO_FID, opened.attributes(), child));
        });
    }

    private NinepInode createByProtocol(String child, NewNode node, boolean isThere) throws ErrnoException {
        if (isThere) {
            return found(child, node);
        }
        return ask(false, (session, fid) -> {
            int own = session.walk(fid, List.of()).fid();
            try {
                session.create(own, child, Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_RDWR, node.mode() & 07777, node.gid());
            } catch (ErrnoException e) {
                session.clunk(own);
                throw e;
            }
            nameChanges(child);
            changed();
            Session.Found found = session.lookup(fid, child);
            if (found == null) {
                session.clunk(own);
                throw EIO.error("what was just made is not there");
            }
            NinepInode made = finish(session, found.fid(), found.attributes(), child, node);
            return opened(session, new Session.Opened(own, -1, found.attributes()), made);
        });
    }

    /** A new file comes with an open handle. */
    private static NinepInode opened(Session session, Session.Opened opened, NinepInode made) throws ErrnoException {
        if (made.content() == null) {
            throw Errno.EPROTO.error("no regular file was made");
        }
        made.content().created(made.content().handle(session, opened, true));
        return made;
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        ninep().checkWritable();
        if (!ninep().isExtended()) {
            throw EOPNOTSUPP.error("the protocol has no files without names");
        }
        return ask(false, (session, fid) -> {
            Session.Opened opened = session.openAt(fid, "", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_CLOEXEC, node.mode() & 07777,
                    node.uid(), node.gid());
            NinepInode made = ninep().inode(opened.attributes(), null, null);
            if (made.content() == null) {
                throw Errno.EPROTO.error("no regular file was made");
            }
            // A fid of its own, to give it a name and other attributes by; it is open, too.
            boolean isDonated = opened.descriptor() >= 0;
            if (opened.fid() == Protocol.NO_FID) {
                throw Errno.EPROTO.error("no fid for a file without a name");
            }
            int second = isDonated ? opened.fid() : session.walk(opened.fid(), List.of()).fid();
            Session.Opened file = isDonated ? new Session.Opened(Protocol.NO_FID, opened.descriptor(), opened.attributes()) : opened;
            made.content().keepOpen(ninep().files().offer(made.content().handle(session, file, true)), made.keep(session, second));
            return made;
        });
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        NewNode link = new NewNode(Stat.S_IFLNK | 0777, node.uid(), node.gid(), 0);
        return make(child, link, (session, fid) -> session.makeLink(fid, child, target, node.gid()));
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
            remove(child, file, 0);
        } finally {
            lostName(file);
        }
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
