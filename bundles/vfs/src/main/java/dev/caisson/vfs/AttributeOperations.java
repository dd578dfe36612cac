package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.Inode;

/** chmod, chown, utimensat, truncate, access: setattr_prepare of Linux. */
final class AttributeOperations {
    private final Watches watches;
    private final Leases leases;

    AttributeOperations(Watches watches, Leases leases) {
        this.watches = watches;
        this.leases = leases;
    }

    void access(Location place, int mask, Credentials credentials) throws ErrnoException {
        Inode inode = place.inode();
        int type = inode.mode() & Stat.S_IFMT;
        if ((mask & Fcntl.X_OK) != 0 && type == Stat.S_IFREG && place.mount().has(dev.caisson.abi.Mount.MS_NOEXEC)) {
            throw EACCES.error();
        }
        if ((mask & Fcntl.W_OK) != 0) {
            FileFlags.checkWrite(inode);
        }
        if (mask != 0) {
            inode.checkAccess(mask, credentials);
        }
        boolean special = type == Stat.S_IFCHR || type == Stat.S_IFBLK || type == Stat.S_IFIFO || type == Stat.S_IFSOCK;
        if ((mask & Fcntl.W_OK) != 0 && !special && place.mount().isReadOnly()) {
            throw EROFS.error();
        }
    }

    void chmod(Caller caller, Location place, int mode) throws ErrnoException {
        Vfs.checkWritable(place);
        Inode inode = place.inode();
        FileFlags.checkChange(inode);
        Credentials credentials = caller.credentials();
        if (!Ownership.isOwnerOrCapable(inode, credentials)) {
            throw EPERM.error();
        }
        if ((inode.mode() & Stat.S_IFMT) == Stat.S_IFLNK) {
            throw EOPNOTSUPP.error();
        }
        int bits = mode & 07777;
        if (!credentials.inGroup(inode.gid()) && !credentials.has(Capability.CAP_FSETID)) {
            bits &= ~Stat.S_ISGID;
        }
        inode.change(new AttributeChange(AttributeChange.MODE, bits, 0, 0, 0, 0, 0, FileClock.nowNs()));
        watches.tell(place.dentry(), Poll.IN_ATTRIB);
    }

    void chown(Caller caller, Location place, int uid, int gid) throws ErrnoException {
        Vfs.checkWritable(place);
        Inode inode = place.inode();
        FileFlags.checkChange(inode);
        Credentials credentials = caller.credentials();
        boolean capable = credentials.has(Capability.CAP_CHOWN);
        boolean owner = credentials.fsuid() == inode.uid();
        if (uid != -1 && !capable && !(owner && uid == inode.uid())) {
            throw EPERM.error();
        }
        if (gid != -1 && !capable && !(owner && (gid == inode.gid() || credentials.inGroup(gid)))) {
            throw EPERM.error();
        }
        int fields = (uid != -1 ? AttributeChange.UID : 0) | (gid != -1 ? AttributeChange.GID : 0);
        int mode = inode.mode();
        if ((mode & Stat.S_IFMT) != Stat.S_IFDIR) {
            // capabilities do not help here: chown(2) clears the bits for root too
            int kept = mode & 07777 & ~Ownership.bitsToDrop(inode, credentials);
            if (kept != (mode & 07777)) {
                fields |= AttributeChange.MODE;
                mode = kept;
            }
        }
        inode.change(new AttributeChange(fields, mode & 07777, uid, gid, 0, 0, 0, FileClock.nowNs()));
        watches.tell(place.dentry(), Poll.IN_ATTRIB);
    }

    void setTimes(Caller caller, Location place, long accessNs, long modifyNs) throws ErrnoException {
        Inode inode = place.inode();
        Credentials credentials = caller.credentials();
        Vfs.checkWritable(place);
        boolean bothNow = accessNs == Vfs.NOW && modifyNs == Vfs.NOW;
        if (accessNs == Vfs.OMIT && modifyNs == Vfs.OMIT) {
            return;
        }
        if (bothNow) {
            FileFlags.checkWrite(inode);
        } else {
            FileFlags.checkChange(inode);
        }
        if (!Ownership.isOwnerOrCapable(inode, credentials)) {
            if (!bothNow) {
                throw EPERM.error();
            }
            inode.checkAccess(Fcntl.W_OK, credentials);
        }
        long now = FileClock.nowNs();
        int fields = (accessNs == Vfs.OMIT ? 0 : AttributeChange.ACCESS_TIME)
                | (modifyNs == Vfs.OMIT ? 0 : AttributeChange.MODIFY_TIME);
        inode.change(new AttributeChange(fields, 0, 0, 0, 0, accessNs == Vfs.NOW ? now : accessNs,
                modifyNs == Vfs.NOW ? now : modifyNs, now));
        watches.tell(place.dentry(), Poll.IN_ATTRIB);
    }

    void truncate(Caller caller, Location place, long sizeBytes) throws ErrnoException {
        Inode inode = place.inode();
        if (sizeBytes < 0) {
            throw EINVAL.error();
        }
        switch (inode.mode() & Stat.S_IFMT) {
            case Stat.S_IFDIR -> throw EISDIR.error();
            case Stat.S_IFREG -> {}
            default -> throw EINVAL.error();
        }
        Vfs.checkWritable(place);
        FileFlags.checkChange(inode);
        inode.checkAccess(Fcntl.W_OK, caller.credentials());
        Writers.of(inode).checkNotRunning();
        resize(caller, leases.breakFor(place, true, true, caller), sizeBytes);
        watches.tell(place.dentry(), Poll.IN_MODIFY);
    }

    void truncate(Caller caller, FileDescription description, long sizeBytes) throws ErrnoException {
        Inode inode = description.inode();
        if (sizeBytes < 0 || (inode.mode() & Stat.S_IFMT) != Stat.S_IFREG || !description.isWritable()) {
            throw EINVAL.error();
        }
        if ((FileFlags.of(inode) & FileFlags.APPEND) != 0) {
            throw EPERM.error("append only");
        }
        resize(caller, inode, sizeBytes);
        watches.tell(description.location().dentry(), Poll.IN_MODIFY);
    }

    private static void resize(Caller caller, Inode inode, long sizeBytes) throws ErrnoException {
        if (sizeBytes > caller.fileSizeLimit() && sizeBytes > inode.attributes().sizeBytes()) {
            throw EFBIG.error("RLIMIT_FSIZE"); // with SIGXFSZ, which the system call sends
        }
        int mode = inode.mode();
        int drop = Ownership.bitsToDropByWriting(inode, caller.credentials());
        long now = FileClock.nowNs();
        inode.change(new AttributeChange(
                AttributeChange.SIZE | AttributeChange.MODIFY_TIME | (drop == 0 ? 0 : AttributeChange.MODE), mode & 07777 & ~drop,
                0, 0, sizeBytes, 0, now, now));
    }
}
