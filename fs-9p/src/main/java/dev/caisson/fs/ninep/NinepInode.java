package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.Qid;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.ForeignLock;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.PosixAcl;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A file of the server that is no directory; what directories share with it. */
class NinepInode extends Inode {
    private static final Logger log = LoggerFactory.getLogger(NinepInode.class);

    private static final int TRIES = 3;
    private static final int XATTR_CREATE = 1;

    private final NinepFileSystem fileSystem;
    private final long path;
    private final int type;
    private final long birthNs;
    private final Reach reach;
    private final EntryNames names;
    /** Null unless this is a regular file. */
    private final NinepContent content;

    private volatile Attributes attributes;
    /** Counts changes through this mount. */
    private final AtomicInteger version = new AtomicInteger();
    /** The version that {@link #attributes} show, or -1 when the server must be asked. */
    private volatile int freshVersion = -1;
    private volatile String linkTarget;
    /** What the last writing back made the time of change, and what that is to guests; null before. */
    private volatile Hidden hidden;
    /** The access control list as of a time of change, for {@link #checkAccess}; null before anybody needed it. */
    private volatile AccessList accessList;
    /** Links may have come or gone since {@link #attributes} were told. */
    private volatile boolean hasOtherLinks;
    /** The host may refuse to remove it. */
    private final boolean isHeld;

    NinepInode(NinepFileSystem fileSystem, FileAttributes a) {
        this.fileSystem = fileSystem;
        this.path = a.qid().path();
        this.reach = new Reach(this);
        this.names = reach.names();
        this.type = a.mode() & Stat.S_IFMT;
        this.birthNs = a.birthNs();
        this.isHeld = (a.qid().type() & Qid.HELD) != 0;
        this.content = type == Stat.S_IFREG ? new NinepContent(this) : null;
        keep(a, 0);
    }

    /** The list that a file had, or null for none. */
    private record AccessList(long changeNs, PosixAcl list) {}

    /** The time of change that the server gave to a file when it was written back, and the one that guests have seen before. */
    private record Hidden(long changeNs, long shownNs) {}

    static boolean isDirectory(FileAttributes a) {
        return (a.mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    /** Whether attributes are of this file; an inode number that was used again shows by type or time of birth. */
    final boolean isSameFile(FileAttributes a) {
        return a.qid().path() == path && (a.mode() & Stat.S_IFMT) == type && a.birthNs() == birthNs;
    }

    /** Fails when the server has opened another file: to many a server a fid is a path, and others change what is there. */
    final void checkIs(Qid opened) throws ErrnoException {
        if (opened.path() != path) {
            throw ESTALE.error("the server has another file under the name");
        }
    }

    final NinepFileSystem ninep() {
        return fileSystem;
    }

    /** {@return what a regular file has; null for others} */
    final NinepContent content() {
        return content;
    }

    final int type() {
        return type;
    }

    boolean isTop() {
        return false;
    }

    @Override
    public final FileSystem fileSystem() {
        return fileSystem;
    }

    // ---- names

    /** It was found under a name. */
    final void found(FileAttributes a, NinepDirectory directory, String as) {
        if (directory != null) {
            EntryNames.Entry before = names.first();
            names.found(directory, as, type == Stat.S_IFDIR || a.links() == 1);
            if (before != null && !fileSystem.isExtended() && !before.equals(names.first())) {
                reach.forget(); // to many a server a fid is a path: others may have given that to another file
            }
        }
        if (freshVersion != version.get()) {
            keep(a, -1); // it may have been read before the last change
        }
    }

    final void linked(NinepDirectory directory, String as) {
        hasOtherLinks = true;
        names.linked(directory, as);
        changed();
    }

    /** {@return whether it certainly has but one name, which nothing but that directory keeps from going} Where nobody else changes files. */
    final boolean hasSurelyOneName() {
        return !hasOtherLinks && !isHeld && attributes.links() == 1;
    }

    final void unnamed(NinepDirectory directory, String as) {
        hasOtherLinks = true;
        names.removed(directory, as);
        if (!fileSystem.isExtended() && names.first() != null) {
            reach.forget(); // it may be a path by this name
        }
        changed();
    }

    final void renamed(NinepDirectory from, String oldName, NinepDirectory to, String newName) {
        names.renamed(from, oldName, to, newName);
        if (!fileSystem.isExtended()) {
            reach.forget(); // to many a server a fid is a path
        }
        changed();
    }

    /** {@return an entry that leads here; null when none does, and for the root} */
    final EntryNames.Entry entry() {
        return names.first();
    }

    // ---- the fid

    /** Something done with a fid of this file. */
    @FunctionalInterface
    interface Use<T> {
        T on(Session session, int fid) throws ErrnoException;
    }

    /** A handle on a fid of this file; the caller releases it. */
    final Handle reach() throws ErrnoException {
        return reach.take();
    }

    /** {@return the fid, and the names that lead to one} */
    final Reach way() {
        return reach;
    }

    /**
     * Asks the server about this file. What fails because the connection was lost, or because a fid that is a path to the server leads
     * nowhere any more, is tried again.
     *
     * @param isRepeatable whether asking twice is as good as asking once
     */
    final <T> T ask(boolean isRepeatable, Use<T> use) throws ErrnoException {
        settle();
        return askNow(isRepeatable, use);
    }

    /** Waits for answers that nobody has waited for, where there are any. */
    void settle() throws ErrnoException {
        // only directories
    }

    /** As {@link #ask}, whatever the server has not answered yet. */
    final <T> T askNow(boolean isRepeatable, Use<T> use) throws ErrnoException {
        for (int tries = 1;; tries++) {
            Handle handle = reach();
            try {
                return use.on(handle.session, handle.fid);
            } catch (ErrnoException e) {
                boolean isLost = handle.session.isBroken();
                boolean isStale = !isLost && tries == 1 && !fileSystem.isExtended() && (e.errno() == ENOENT || e.errno() == ESTALE);
                if (tries == TRIES) {
                    throw e;
                }
                if (fileSystem.makesRoom(e, handle.session)) {
                    continue;
                }
                if (!(isLost && isRepeatable) && !isStale || names.first() == null && !isTop()) {
                    throw e;
                }
                reach.forget();
            } finally {
                fileSystem.fids().release(handle);
            }
        }
    }

    /** Lets the fid go. */
    final void release() {
        reach.forget();
        if (content != null) {
            content.release();
        }
    }

    /** {@return whether somebody has the file open} */
    boolean isOpen() {
        return content != null && content.isInUse();
    }

    // ---- attributes

    private Attributes keep(FileAttributes s, int seenVersion) {
        hasOtherLinks &= seenVersion < 0;
        Attributes a = new Attributes(fileSystem.deviceId(), path, s.mode(), Math.clamp(s.links(), 0, Integer.MAX_VALUE), s.uid(),
                s.gid(), s.rawDevice(), s.sizeBytes(), Math.clamp(s.blockBytes(), 512, 1 << 24), s.blocks(), s.accessNs(),
                s.modifyNs(), shownChange(s.changeNs()), s.birthNs());
        return keep(a, seenVersion);
    }

    private long shownChange(long changeNs) {
        Hidden last = hidden;
        return last != null && last.changeNs == changeNs ? last.shownNs : changeNs;
    }

    /**
     * What was written here has come to the server: gives it the time at which that was.
     *
     * @param writtenNs when
     */
    final void wroteBack(long writtenNs) {
        changed();
        if (names.first() == null) {
            return; // its attributes are not the server's any more
        }
        int now = version.get();
        long shown = Math.max(attributes.changeNs(), writtenNs);
        try {
            FileAttributes told = update(new AttributeChange(AttributeChange.MODIFY_TIME, 0, 0, 0, 0, 0, writtenNs, writtenNs),
                    AttributeChange.MODIFY_TIME);
            FileAttributes found = told != null ? told : ask(true, Session::attributes);
            if (isSameFile(found)) {
                hidden = new Hidden(found.changeNs(), shown);
                keep(found, now);
            }
        } catch (ErrnoException e) {
            log.debug("a file that was written back has the server's time: inode={} errno={}", path, e.errno());
        }
    }

    private Attributes keep(Attributes a, int seenVersion) {
        Attributes last = attributes;
        if (content != null && last != null && !fileSystem.isExclusive()
                && (last.modifyNs() != a.modifyNs() || last.sizeBytes() != a.sizeBytes())) {
            content.follow(a.sizeBytes());
        }
        attributes = a;
        freshVersion = fileSystem.isExclusive() ? seenVersion : -1;
        return a;
    }

    /** The file was changed through this mount. */
    final void changed() {
        version.incrementAndGet();
    }

    @Override
    public Attributes attributes() throws ErrnoException {
        Attributes told = toldAttributes();
        return content == null ? told : content.withWritten(told);
    }

    @Override
    public long changes() {
        return version.get() & 0xffff_ffffL;
    }

    @Override
    public void forget() {
        if (content != null && content.hasUnwritten()) {
            try {
                content.writeBack(); // the file is there, by whatever name
            } catch (ErrnoException e) {
                log.warn("what was written is lost with the file's name: inode={} errno={}", path, e.errno());
            }
        }
        fileSystem.forget(this);
    }

    @Override
    public Attributes attributesOfLookup() throws ErrnoException {
        Attributes told = attributes; // a lookup always asks where others may change the files
        return fileSystem.isExclusive() ? attributes() : told;
    }

    @Override
    public FileIdentity identity() throws ErrnoException {
        freshVersion = -1;
        return FileIdentity.of(0, path, attributes());
    }

    private Attributes toldAttributes() throws ErrnoException {
        int now = version.get();
        if (freshVersion == now) {
            return attributes;
        }
        settle();
        Attributes direct = content == null ? null : content.donatedAttributes(attributes);
        if (direct != null) {
            return keep(direct, now);
        }
        EntryNames.Entry entry = names.first();
        boolean hasFid = reach.hasFid();
        if (!hasFid && entry == null && !isTop()) {
            return gone(now);
        }
        if (!hasFid && fileSystem.isExtended() && entry != null) {
            Session.Found found = entry.directory().ask(true, (session, at) -> session.lookup(at, entry.name()));
            return judge(found == null ? null : found.attributes(), now);
        }
        try {
            return judge(ask(true, Session::attributes), now);
        } catch (ErrnoException e) {
            if (entry == null && (e.errno() == ENOENT || e.errno() == ESTALE)) {
                return gone(now); // to the server the fid was a path
            }
            throw e;
        }
    }

    private Attributes judge(FileAttributes found, int now) throws ErrnoException {
        if (found != null && isSameFile(found)) {
            return keep(found, now);
        }
        if (fileSystem.isExclusive() || names.first() == null) {
            return gone(now);
        }
        ErrnoException stale = ESTALE.error("the server has another file under the name");
        if (reach.hasWrongName(stale)) {
            return toldAttributes();
        }
        throw stale;
    }

    /** The attributes of a file whose last name is gone and that the server does not know any more. */
    private Attributes gone(int now) {
        Attributes last = attributes;
        Attributes unlinked = last.unlinked(content == null ? last.sizeBytes() : content.knownSize(last.sizeBytes()));
        attributes = unlinked;
        freshVersion = now;
        return unlinked;
    }

    @Override
    public int mode() {
        return attributes.mode();
    }

    @Override
    public int uid() {
        return attributes.uid();
    }

    @Override
    public int gid() {
        return attributes.gid();
    }

    @Override
    public long number() {
        return path;
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        fileSystem.checkWritable();
        if (change.has(AttributeChange.SIZE) && content == null) {
            throw EINVAL.error("only a regular file has a size");
        }
        if (change.has(AttributeChange.MODE) && type == Stat.S_IFLNK) {
            throw EOPNOTSUPP.error("a symbolic link has no mode");
        }
        int before = version.get();
        FileAttributes found = null;
        try {
            if (change.has(AttributeChange.SIZE)) {
                content.resize(change);
            } else {
                found = update(change, change.fields());
                if (content != null && change.has(AttributeChange.MODIFY_TIME)) {
                    content.modified(change.modifyNs());
                }
            }
        } finally {
            int now = version.incrementAndGet();
            if (found != null && now == before + 1) {
                keep(found, now); // nobody else has changed it meanwhile
            } else {
                attributes(); // mode and owner are asked for without a chance to ask the server
            }
        }
    }

    /** Sends the named fields of a change; the result is the attributes after it, if the server has told them. */
    final FileAttributes update(AttributeChange change, int fields) throws ErrnoException {
        int valid = (fields & AttributeChange.MODE) != 0 ? AttributeUpdate.MODE : 0;
        valid |= (fields & AttributeChange.UID) != 0 ? AttributeUpdate.UID : 0;
        valid |= (fields & AttributeChange.GID) != 0 ? AttributeUpdate.GID : 0;
        valid |= (fields & AttributeChange.SIZE) != 0 ? AttributeUpdate.SIZE : 0;
        valid |= (fields & AttributeChange.ACCESS_TIME) != 0 ? AttributeUpdate.ACCESS_TIME | AttributeUpdate.ACCESS_TIME_SET : 0;
        valid |= (fields & AttributeChange.MODIFY_TIME) != 0 ? AttributeUpdate.MODIFY_TIME | AttributeUpdate.MODIFY_TIME_SET : 0;
        AttributeUpdate update = new AttributeUpdate(valid, change.mode() & 07777, change.uid(), change.gid(), change.sizeBytes(),
                change.accessNs(), change.modifyNs());
        EntryNames.Entry entry = names.first();
        if (entry != null && fileSystem.isExtended() && !reach.hasFid()) {
            FileAttributes found = updateAt(entry, update);
            if (found != null) {
                return found;
            }
        }
        return ask(true, (session, at) -> {
            if (!session.isExtended() && names.first() == null && !isTop() && !isSameFile(session.attributes(at))) {
                throw ESTALE.error("to the server the fid is a path, where another file is now");
            }
            session.update(at, update);
            return null;
        });
    }

    /** By a name, which spares the walk; null when that does not lead here any more, because of others, or the server is too old for it. */
    private FileAttributes updateAt(EntryNames.Entry entry, AttributeUpdate update) throws ErrnoException {
        try {
            FileAttributes found = entry.directory().ask(true, (session, at) -> session.updateAt(at, entry.name(), path, update));
            return isSameFile(found) ? found : null;
        } catch (ErrnoException e) {
            if (e.errno() == ENOENT || e.errno() == ESTALE || e.errno() == EOPNOTSUPP) {
                return null;
            }
            throw e;
        }
    }

    // ---- links, content

    @Override
    public String readLink() throws ErrnoException {
        if (type != Stat.S_IFLNK) {
            throw EINVAL.error();
        }
        String target = linkTarget;
        if (target == null) {
            target = ask(true, Session::readLink);
            linkTarget = target; // the text of a link never changes
        }
        return target;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        if (content == null) {
            throw ENXIO.error("special files of the server are not opened");
        }
        boolean isWritable = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        if (isWritable) {
            fileSystem.checkWritable();
        }
        content.opened(isWritable);
        if (names.first() == null && !content.isPinned()) {
            content.closed();
            throw ESTALE.error("the file was removed meanwhile");
        }
        NinepRegularFile open = new NinepRegularFile(this, isWritable);
        if (!fileSystem.isExclusive() || content.isLosingName() || names.first() == null) {
            try {
                open.open(); // later the file may not be found any more
            } catch (ErrnoException e) {
                open.close();
                throw e.errno() == ENOENT ? ESTALE.error("the file was replaced or removed meanwhile") : e;
            }
        }
        return open;
    }

    // ---- locks

    @Override
    public final boolean locksElsewhere() {
        return content != null && fileSystem.locksAtServer();
    }

    @Override
    public final boolean lockElsewhere(int lockType, long start, long end) throws ErrnoException {
        if (content == null) {
            return true;
        }
        boolean isTaken = content.locks.change(lockType, start, end);
        if (isTaken && lockType != Fcntl.F_UNLCK) {
            content.follow(attributes().sizeBytes()); // whoever had the lock before may have written
        }
        return isTaken;
    }

    @Override
    public final ForeignLock testElsewhere(boolean isExclusive, long start, long end) throws ErrnoException {
        return content == null ? null : content.locks.test(isExclusive, start, end);
    }

    // ---- access control lists

    /**
     * By the list of the server, where there is one. It is asked for only when it can matter: not for the owner, whom the mode tells about,
     * nor for whom the mode's group bits, which are the list's mask, leave nothing; then once, as long as the file is not changed.
     */
    @Override
    public void checkAccess(int mask, Credentials credentials) throws ErrnoException {
        Attributes a = attributes;
        boolean isUnaffected = credentials.fsuid() == a.uid() || (a.mode() & 070) == 0 || type == Stat.S_IFLNK || fileSystem.lacksLists()
                || credentials.has(Capability.CAP_DAC_OVERRIDE) && (type == Stat.S_IFDIR || (mask & Fcntl.X_OK) == 0 || (a.mode() & 0111) != 0);
        PosixAcl list = isUnaffected ? null : accessList(a.changeNs());
        if (list == null) {
            super.checkAccess(mask, credentials);
        } else {
            list.check(a.mode(), a.uid(), a.gid(), mask, credentials);
        }
    }

    void accessListChanged() {
        accessList = null;
    }

    private PosixAcl accessList(long changeNs) throws ErrnoException {
        AccessList known = accessList;
        if (known != null && known.changeNs == changeNs) {
            return known.list;
        }
        PosixAcl list = null;
        try {
            list = PosixAcl.parse(NinepXattrs.get(this, PosixAcl.ACCESS));
        } catch (ErrnoException e) {
            if (e.errno() == EOPNOTSUPP) {
                fileSystem.hasNoLists();
            } else if (e.errno() != ENODATA && e.errno() != EINVAL) {
                throw e;
            }
        }
        accessList = new AccessList(changeNs, list);
        return list;
    }

    // ---- extended attributes

    @Override
    public byte[] getXattr(String attribute) throws ErrnoException {
        return NinepXattrs.get(this, attribute);
    }

    @Override
    public void setXattr(String attribute, byte[] value, int flags) throws ErrnoException {
        checkXattrWritable(attribute);
        boolean isList = PosixAcl.isAttribute(attribute);
        if (isList && PosixAcl.parse(value) == null) {
            if (flags != XATTR_CREATE) {
                removeXattr(attribute); // as the host's kernel takes an empty list
            }
            return;
        }
        NinepXattrs.set(this, attribute, value, flags);
        changed();
        if (isList) {
            accessListChanged();
            attributes(); // the mode follows the list
        }
    }

    @Override
    public List<String> listXattrs() throws ErrnoException {
        return NinepXattrs.list(this);
    }

    @Override
    public void removeXattr(String attribute) throws ErrnoException {
        checkXattrWritable(attribute);
        NinepXattrs.remove(this, attribute);
        accessListChanged();
        changed();
    }

    private void checkXattrWritable(String attribute) throws ErrnoException {
        fileSystem.checkWritable();
        if (!NinepXattrs.isWritable(attribute, type)) {
            throw attribute.startsWith("user.") ? EPERM.error() : EOPNOTSUPP.error();
        }
    }
}
