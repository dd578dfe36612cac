package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What all files of a tmpfs have: attributes and extended attributes, guarded by the monitor. */
abstract class TmpfsInode extends Inode {
    private static final long DAY_NS = 86_400_000_000_000L;
    private static final int MAX_XATTR_BYTES = 1 << 16;

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
        owner.uncharge();
    }

    final synchronized void addLinks(int difference) {
        links += difference;
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
        if (xattrs == null) {
            xattrs = new LinkedHashMap<>(4);
        }
        byte[] old = xattrs.get(name);
        if (old != null && (flags & Mount.XATTR_CREATE) != 0) {
            throw EEXIST.error();
        }
        if (old == null && (flags & Mount.XATTR_REPLACE) != 0) {
            throw ENODATA.error();
        }
        int bytes = xattrBytes - (old == null ? 0 : name.length() + old.length) + name.length() + value.length;
        if (bytes > MAX_XATTR_BYTES) {
            throw ENOSPC.error();
        }
        xattrs.put(name, value.clone());
        xattrBytes = bytes;
        changeNs = FileClock.nowNs();
    }

    @Override
    public final synchronized List<String> listXattrs() {
        return xattrs == null ? List.of() : new ArrayList<>(xattrs.keySet());
    }

    @Override
    public final synchronized void removeXattr(String name) throws ErrnoException {
        checkNamespace(name);
        byte[] old = xattrs == null ? null : xattrs.remove(name);
        if (old == null) {
            throw ENODATA.error();
        }
        xattrBytes -= name.length() + old.length;
        changeNs = FileClock.nowNs();
    }

    private static void checkNamespace(String name) throws ErrnoException {
        boolean known = name.startsWith("user.") || name.startsWith("trusted.") || name.startsWith("security.");
        if (!known) {
            throw EOPNOTSUPP.error();
        }
        if (name.endsWith(".")) {
            throw EINVAL.error();
        }
    }
}
