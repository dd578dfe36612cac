package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.PosixAcl;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What all files of a tmpfs have: attributes and extended attributes, guarded by the monitor. */
abstract class TmpfsInode extends Inode {
    private static final String FILE_CAPABILITIES = "security.capability";
    private static final long DAY_NS = 86_400_000_000_000L;
    /** What Linux counts for an attribute besides name and value. */
    private static final int ENTRY_BYTES = 64;
    private static final int MAX_XATTR_BYTES = 1 << 17;

    final TmpfsFileSystem owner;
    private final long number;
    private final long birthNs;
    private volatile int mode;
    private volatile int uid;
    private volatile int gid;
    /** Guarded by this, as the rest. */
    int links;
    private long accessNs;
    private long modifyNs;
    private long changeNs;
    /** The attributes told last: whoever sees the same object again knows that nothing has changed. */
    private Attributes told;
    private Map<String, byte[]> xattrs;
    /** The access list, when it says more than the mode. Also among the attributes. */
    private volatile PosixAcl acl;
    private int xattrBytes;

    TmpfsInode(TmpfsFileSystem owner, NewNode node, int links) {
        this.owner = owner;
        this.number = owner.nextNumber();
        this.mode = node.mode();
        this.uid = node.uid();
        this.gid = node.gid();
        this.links = links;
        this.birthNs = FileClock.nowNs();
        this.accessNs = birthNs;
        this.modifyNs = birthNs;
        this.changeNs = birthNs;
    }

    @Override
    public final FileSystem fileSystem() {
        return owner;
    }

    @Override
    public final int mode() {
        return mode;
    }

    @Override
    public final int uid() {
        return uid;
    }

    @Override
    public final int gid() {
        return gid;
    }

    @Override
    public final long number() {
        return number;
    }

    long sizeBytes() {
        return 0;
    }

    long blocks() {
        return 0;
    }

    long rawDevice() {
        return 0;
    }

    @Override
    public FileIdentity identity() {
        return FileIdentity.of(fileSystem().deviceId(), number(), attributes());
    }

    @Override
    public Attributes attributes() {
        long size = sizeBytes();
        long blocks = blocks();
        synchronized (this) {
            Attributes last = told;
            if (last != null && isTold(last, size, blocks)) {
                return last;
            }
            last = new Attributes(owner.deviceId(), number, mode, links, uid, gid, rawDevice(), size, 4096, blocks, accessNs, modifyNs,
                    changeNs, birthNs);
            told = last;
            return last;
        }
    }

    /** Whether attributes that were told still hold; those that never change are left out. */
    private boolean isTold(Attributes last, long size, long blocks) {
        return last.sizeBytes() == size && last.blocks() == blocks && last.accessNs() == accessNs && last.modifyNs() == modifyNs
                && last.changeNs() == changeNs && last.links() == links && last.mode() == mode && last.uid() == uid && last.gid() == gid;
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        synchronized (this) {
            mode = change.modeAfter(mode);
            if (acl != null && change.has(AttributeChange.MODE)) {
                setAcl(PosixAcl.ACCESS, acl.withMode(mode));
            }
            if (change.has(AttributeChange.UID) || change.has(AttributeChange.GID) || change.has(AttributeChange.SIZE)) {
                dropFileCapabilities();
            }
            uid = change.uidAfter(uid);
            gid = change.gidAfter(gid);
            accessNs = change.accessAfter(accessNs);
            modifyNs = change.modifyAfter(modifyNs);
            changeNs = change.changeNs();
        }
    }

    @Override
    public void accessed(boolean relative) {
        // racy reads: at worst one update too many or too few
        long atime = accessNs;
        if (relative && atime > modifyNs && atime > changeNs) {
            long now = FileClock.nowNs();
            if (now - atime < DAY_NS) {
                return;
            }
        }
        synchronized (this) {
            accessNs = FileClock.nowNs();
        }
    }

    /** Content changed: mtime and ctime. */
    final void modified() {
        long now = FileClock.nowNs();
        synchronized (this) {
            modifyNs = now;
            changeNs = now;
            dropFileCapabilities();
        }
    }

    /** They are for the content and the owner that they were given for: capabilities(7). */
    private void dropFileCapabilities() {
        if (xattrs != null && (mode & Stat.S_IFMT) != Stat.S_IFDIR) {
            drop(FILE_CAPABILITIES);
        }
    }

    /** Attributes changed: ctime. */
    final void changed() {
        long now = FileClock.nowNs();
        synchronized (this) {
            changeNs = now;
        }
    }

    /** One more name. */
    final synchronized void linked() {
        links++;
        changeNs = FileClock.nowNs();
    }

    /** One name (or of a removed directory: both links) less. */
    void unlinked(boolean all) {
        boolean gone;
        synchronized (this) {
            links = all ? 0 : links - 1;
            changeNs = FileClock.nowNs();
            gone = links == 0;
        }
        if (gone) {
            linksGone();
        }
    }

    /** The last name is gone. */
    void linksGone() {
        dropXattrs();
        owner.uncharge();
    }

    final synchronized void addLinks(int difference) {
        links += difference;
    }

    @Override
    public final void checkAccess(int mask, Credentials credentials) throws ErrnoException {
        PosixAcl list = acl;
        int bits = mode;
        // As in Linux: the owner's rights are those of the mode, and without group bits the list grants nothing more.
        if (list != null && credentials.fsuid() != uid && (bits & 070) != 0) {
            list.check(bits, uid, gid, mask, credentials);
            return;
        }
        super.checkAccess(mask, credentials);
    }

    @Override
    public final synchronized byte[] getXattr(String name) throws ErrnoException {
        checkNamespace(name);
        byte[] value = xattrs == null ? null : xattrs.get(name);
        if (value == null) {
            throw ENODATA.error();
        }
        return value.clone();
    }

    @Override
    public final synchronized void setXattr(String name, byte[] value, int flags) throws ErrnoException {
        checkNamespace(name);
        byte[] old = xattrs == null ? null : xattrs.get(name);
        if (old != null && (flags & Mount.XATTR_CREATE) != 0) {
            throw EEXIST.error();
        }
        if (old == null && (flags & Mount.XATTR_REPLACE) != 0) {
            throw ENODATA.error();
        }
        if (isAcl(name)) {
            setAcl(name, PosixAcl.parse(value));
            return;
        }
        store(name, value);
    }

    private void store(String name, byte[] value) throws ErrnoException {
        byte[] old = xattrs == null ? null : xattrs.get(name);
        int added = value.length + (old == null ? name.length() + ENTRY_BYTES : -old.length);
        if (xattrBytes + added > MAX_XATTR_BYTES) {
            throw ENOSPC.error();
        }
        owner.charge(added);
        if (xattrs == null) {
            xattrs = new LinkedHashMap<>(4);
        }
        xattrs.put(name, value.clone());
        xattrBytes += added;
        changeNs = FileClock.nowNs();
    }

    @Override
    public final synchronized List<String> listXattrs() {
        return xattrs == null ? List.of() : new ArrayList<>(xattrs.keySet());
    }

    @Override
    public final synchronized void removeXattr(String name) throws ErrnoException {
        checkNamespace(name);
        if (isAcl(name)) {
            setAcl(name, null); // no error when there is none, as in Linux
        } else if (!drop(name)) {
            throw ENODATA.error();
        }
    }

    private boolean drop(String name) {
        byte[] old = xattrs == null ? null : xattrs.remove(name);
        if (old == null) {
            return false;
        }
        int bytes = name.length() + ENTRY_BYTES + old.length;
        xattrBytes -= bytes;
        owner.uncharge(bytes);
        changeNs = FileClock.nowNs();
        return true;
    }

    /** The inode is gone: what its attributes took is free. */
    final synchronized void dropXattrs() {
        owner.uncharge(xattrBytes);
        xattrBytes = 0;
        xattrs = null;
    }

    // ---- access control lists

    private static boolean isAcl(String name) {
        return name.equals(PosixAcl.ACCESS) || name.equals(PosixAcl.DEFAULT);
    }

    /** Sets a list; null removes it. One that mode bits can say becomes mode bits. */
    private void setAcl(String name, PosixAcl list) throws ErrnoException {
        if ((mode & Stat.S_IFMT) == Stat.S_IFLNK) {
            throw EOPNOTSUPP.error();
        }
        boolean isAccess = name.equals(PosixAcl.ACCESS);
        if (!isAccess && (mode & Stat.S_IFMT) != Stat.S_IFDIR) {
            if (list != null) {
                throw EACCES.error("only directories have a default list");
            }
            return;
        }
        if (list == null || isAccess && list.isMinimal()) {
            drop(name);
        } else {
            store(name, list.value());
        }
        if (isAccess) {
            acl = list == null || list.isMinimal() ? null : list;
            if (list != null) {
                mode = mode & ~0777 | list.permissionBits();
                changeNs = FileClock.nowNs();
            }
        }
    }

    /** A new file takes over what the default list of its directory says. */
    final void inheritAcl(TmpfsInode directory) throws ErrnoException {
        byte[] inherited;
        synchronized (directory) {
            inherited = directory.xattrs == null ? null : directory.xattrs.get(PosixAcl.DEFAULT);
        }
        if (inherited == null || (mode & Stat.S_IFMT) == Stat.S_IFLNK) {
            return;
        }
        synchronized (this) {
            PosixAcl list = PosixAcl.parse(inherited);
            setAcl(PosixAcl.ACCESS, list.inherited(mode & 0777));
            if ((mode & Stat.S_IFMT) == Stat.S_IFDIR) {
                store(PosixAcl.DEFAULT, inherited);
            }
        }
    }

    @Override
    public final synchronized boolean hasDefaultAcl() {
        return xattrs != null && xattrs.containsKey(PosixAcl.DEFAULT);
    }

    private static void checkNamespace(String name) throws ErrnoException {
        boolean known = name.startsWith("user.") || name.startsWith("trusted.") || name.startsWith("security.") || isAcl(name);
        if (!known) {
            throw EOPNOTSUPP.error();
        }
        if (name.endsWith(".")) {
            throw EINVAL.error();
        }
    }
}
