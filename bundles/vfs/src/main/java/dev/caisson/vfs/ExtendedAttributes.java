package dev.caisson.vfs;

import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import java.util.ArrayList;
import java.util.List;

/** Extended attributes with the permission rules of xattr(7): xattr_permission of Linux. */
public final class ExtendedAttributes {
    private final Watches watches;

    ExtendedAttributes(Watches watches) {
        this.watches = watches;
    }

    private static void check(Inode inode, String name, boolean write, Credentials credentials) throws ErrnoException {
        if (name.startsWith("security.") || name.startsWith("system.")) {
            if (write && name.startsWith("security.") && !credentials.has(Capability.CAP_SYS_ADMIN)
                    && !(name.equals("security.capability") && credentials.has(Capability.CAP_SETFCAP))) {
                throw EPERM.error();
            }
            if (write && name.startsWith("system.posix_acl_") && !Ownership.isOwnerOrCapable(inode, credentials)) {
                throw EPERM.error();
            }
            return;
        }
        if (name.startsWith("trusted.")) {
            if (!credentials.has(Capability.CAP_SYS_ADMIN)) {
                throw write ? EPERM.error() : ENODATA.error();
            }
            return;
        }
        if (name.startsWith("user.")) {
            int mode = inode.mode();
            int type = mode & Stat.S_IFMT;
            if (type != Stat.S_IFREG && type != Stat.S_IFDIR) {
                throw write ? EPERM.error() : ENODATA.error();
            }
            if (type == Stat.S_IFDIR && (mode & Stat.S_ISVTX) != 0 && write && !Ownership.isOwnerOrCapable(inode, credentials)) {
                throw EPERM.error();
            }
            inode.checkAccess(write ? Fcntl.W_OK : Fcntl.R_OK, credentials);
            return;
        }
        throw EOPNOTSUPP.error();
    }

    /**
     * getxattr(2).
     *
     * @param caller who
     * @param place the file
     * @param name full name
     * @return the value
     * @throws ErrnoException ENODATA, EOPNOTSUPP, EACCES
     */
    public byte[] get(Caller caller, Location place, String name) throws ErrnoException {
        check(place.inode(), name, false, caller.credentials());
        return place.inode().getXattr(name);
    }

    /**
     * setxattr(2).
     *
     * @param caller who
     * @param place the file
     * @param name full name
     * @param value the value
     * @param flags XATTR_CREATE, XATTR_REPLACE
     * @throws ErrnoException EEXIST, ENODATA, EPERM, EROFS, EOPNOTSUPP
     */
    public void set(Caller caller, Location place, String name, byte[] value, int flags) throws ErrnoException {
        Vfs.checkWritable(place);
        FileFlags.checkChange(place.inode());
        check(place.inode(), name, true, caller.credentials());
        place.inode().setXattr(name, value, flags);
        watches.tell(place.dentry(), Poll.IN_ATTRIB);
    }

    /**
     * removexattr(2).
     *
     * @param caller who
     * @param place the file
     * @param name full name
     * @throws ErrnoException ENODATA, EPERM, EROFS, EOPNOTSUPP
     */
    public void remove(Caller caller, Location place, String name) throws ErrnoException {
        Vfs.checkWritable(place);
        FileFlags.checkChange(place.inode());
        check(place.inode(), name, true, caller.credentials());
        place.inode().removeXattr(name);
        watches.tell(place.dentry(), Poll.IN_ATTRIB);
    }

    /**
     * listxattr(2).
     *
     * @param caller who; trusted attributes show only with CAP_SYS_ADMIN
     * @param place the file
     * @return full names
     * @throws ErrnoException EIO
     */
    public List<String> list(Caller caller, Location place) throws ErrnoException {
        List<String> names;
        try {
            names = place.inode().listXattrs();
        } catch (ErrnoException e) {
            if (e.errno() == EOPNOTSUPP) {
                return List.of();
            }
            throw e;
        }
        if (caller.credentials().has(Capability.CAP_SYS_ADMIN)) {
            return names;
        }
        List<String> visible = new ArrayList<>();
        for (String name : names) {
            if (!name.startsWith("trusted.")) {
                visible.add(name);
            }
        }
        return visible;
    }
}
