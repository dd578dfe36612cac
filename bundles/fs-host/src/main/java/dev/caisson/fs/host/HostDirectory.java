package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;

/** A directory of the host. */
final class HostDirectory extends HostInode {
    private static final int PATH_FLAGS = Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;
    private static final int CREATE_FLAGS =
            Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_RDWR | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;

    /** The descriptor of a directory that is not reached by a name, or -1. */
    private final int topFd;

    HostDirectory(HostFileSystem fileSystem, HostStatus status, HostDevices.Device device, int topFd) {
        super(fileSystem, status, device);
        this.topFd = topFd;
    }

    @Override
    int topFd() {
        return topFd;
    }

    /** A descriptor to name files of this directory by; the caller releases it. */
    HandleCache.Handle directoryHandle() throws ErrnoException {
        HandleCache.Handle known = host().handles().take(this, false);
        if (known != null) {
            return known;
        }
        int fd = openHere(PATH_FLAGS);
        if (!host().isExclusive() && !isSameFile(HostStatus.of(fd))) {
            HostFile.close(fd);
            throw ESTALE.error("the host has another directory under the name");
        }
        return host().handles().offer(this, fd, false);
    }

    /** A descriptor of the caller's own, for reading entries and attributes. */
    int openForReading() throws ErrnoException {
        return openHere(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC);
    }

    private int openHere(int flags) throws ErrnoException {
        if (topFd >= 0) {
            return (int) Errno.check(open(topFd, ".", flags));
        }
        HostNames.Name name = name();
        if (name == null) {
            throw ENOENT.error("the directory was removed");
        }
        HandleCache.Handle at = name.directory().directoryHandle();
        try {
            return (int) Errno.check(open(at.fd, name.text(), flags));
        } finally {
            host().handles().release(at);
        }
    }

    @Override
    public Inode lookup(String child) throws ErrnoException {
        if (device().isHidden()) {
            return null;
        }
        HandleCache.Handle at = directoryHandle();
        try {
            HostStatus status = HostStatus.find(at.fd, child);
            return status == null ? null : host().inode(status, this, child, host().devices().of(status, at.fd, child));
        } finally {
            host().handles().release(at);
        }
    }

    private void checkChangeable() throws ErrnoException {
        host().checkWritable();
        if (device().isHidden()) {
            throw EACCES.error("a pseudo filesystem of the host");
        }
    }

    /** Something made under a name by a host call. */
    @FunctionalInterface
    private interface Maker {
        long make(int directory, String name, int permissions);
    }

    /**
     * Makes a file with the owner and mode wanted. Where the host applies its own, these are given afterwards; in a layer, whose files
     * must never show half made, this happens beside the tree.
     */
    private HostInode make(String child, NewNode node, Maker maker) throws ErrnoException {
        checkChangeable();
        host().takeRoom(HostBudget.FILE_BYTES);
        HandleCache.Handle at = directoryHandle();
        try {
            if (hasDefaultAcl()) {
                makeInheriting(at.fd, child, node, maker);
            } else if (host().makesExactly(node, mode())) {
                Errno.check(maker.make(at.fd, child, node.mode() & 07777));
            } else if (host().isLayer()) {
                makeBeside(at.fd, child, node, maker);
            } else {
                makeAndAdjust(at.fd, child, node, maker);
            }
            changed();
            HostStatus status = HostStatus.of(at.fd, child);
            HostInode made = host().inode(status, this, child, host().devices().of(status, at.fd, child));
            host().giveRoom(-status.blocks() * HostInode.BLOCK_UNIT);
            return made;
        } catch (ErrnoException e) {
            host().giveRoom(HostBudget.FILE_BYTES);
            throw e;
        } finally {
            host().handles().release(at);
        }
    }

    private void makeAndAdjust(int at, String child, NewNode node, Maker maker) throws ErrnoException {
        host().ids().check(node.uid(), node.gid());
        Errno.check(maker.make(at, child, (node.mode() & Stat.S_IFMT) == Stat.S_IFDIR ? 0700 : 0600));
        long owned = HostPath.changeOwner(at, child, host().ids().hostUser(node.uid()), host().ids().hostGroup(node.gid()),
                Fcntl.AT_SYMLINK_NOFOLLOW);
        HostIds.checkOwned(owned);
        if ((node.mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            Errno.check(HostPath.changeMode(at, child, node.mode() & 07777));
        }
    }

    /** Where files inherit an access control list, the host sees to it when they are made, and applies no umask of its own. */
    private void makeInheriting(int at, String child, NewNode node, Maker maker) throws ErrnoException {
        host().ids().check(node.uid(), node.gid());
        Errno.check(maker.make(at, child, node.mode() & 07777));
        long owned = HostPath.changeOwner(at, child, host().ids().hostUser(node.uid()), host().ids().hostGroup(node.gid()),
                Fcntl.AT_SYMLINK_NOFOLLOW);
        HostIds.checkOwned(owned);
    }

    private void makeBeside(int at, String child, NewNode node, Maker maker) throws ErrnoException {
        int work = host().workFd();
        String temporary = host().temporaryName();
        boolean isDirectory = (node.mode() & Stat.S_IFMT) == Stat.S_IFDIR;
        try {
            makeAndAdjust(work, temporary, node, maker);
            Errno.check(HostPath.rename(work, temporary, at, child, Fcntl.RENAME_NOREPLACE));
        } catch (ErrnoException e) {
            HostPath.unlink(work, temporary, isDirectory ? Fcntl.AT_REMOVEDIR : 0);
            throw e;
        }
    }

    @Override
    public Inode create(String child, NewNode node) throws ErrnoException {
        int type = node.mode() & Stat.S_IFMT;
        switch (type) {
            case Stat.S_IFREG -> {
                int[] fd = {-1};
                HostInode made;
                try {
                    made = make(child, node, (at, name, mode) -> fd[0] = (int) HostPath.open(at, name, CREATE_FLAGS, mode));
                } catch (ErrnoException e) {
                    if (fd[0] >= 0) {
                        HostFile.close(fd[0]);
                    }
                    throw e;
                }
                host().handles().release(host().handles().offer(made, fd[0], true)); // it will be opened at once
                return made;
            }
            case Stat.S_IFDIR -> {
                return make(child, node, HostPath::makeDirectory);
            }
            case Stat.S_IFIFO, Stat.S_IFSOCK -> {
                return make(child, node, (at, name, mode) -> HostPath.makeNode(at, name, type | mode, 0));
            }
            default -> {
                if (!host().isLayer()) {
                    throw EPERM.error("no device nodes on the host");
                }
                // Layers hold them; they are never opened here, and making one that is no whiteout takes the host's CAP_MKNOD.
                return make(child, node, (at, name, mode) -> HostPath.makeNode(at, name, type | mode, node.rawDevice()));
            }
        }
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        NewNode link = new NewNode(Stat.S_IFLNK | 0777, node.uid(), node.gid(), 0);
        return make(child, link, (at, name, mode) -> HostPath.symlink(target, at, name));
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        checkChangeable();
        host().takeRoom(HostBudget.FILE_BYTES);
        HandleCache.Handle at = directoryHandle();
        int fd;
        try {
            fd = (int) Errno.check(HostPath.open(at.fd, ".", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0600));
        } finally {
            host().handles().release(at);
        }
        try {
            long owned = HostFile.changeOwner(fd, host().ids().hostUser(node.uid()), host().ids().hostGroup(node.gid()));
            HostIds.checkOwned(owned);
            Errno.check(HostFile.changeMode(fd, node.mode() & 07777));
            HostInode made = host().inode(HostStatus.of(fd), null, null, device());
            made.content().keepOpen(host().handles().offer(made, fd, true));
            return made;
        } catch (ErrnoException e) {
            HostFile.close(fd);
            throw e;
        }
    }

    @Override
    public void link(String child, Inode target) throws ErrnoException {
        checkChangeable();
        HostInode file = (HostInode) target;
        HandleCache.Handle at = directoryHandle();
        try {
            HandleCache.Handle open = file.name() == null ? host().handles().take(file, false) : null;
            if (open != null) {
                try {
                    // Without CAP_DAC_READ_SEARCH only the way over /proc is left.
                    long linked = HostPath.linkFile(open.fd, "", at.fd, child, Fcntl.AT_EMPTY_PATH);
                    if (linked == -Errno.ENOENT.number()) {
                        linked = HostPath.linkFile(Fcntl.AT_FDCWD, "/proc/self/fd/" + open.fd, at.fd, child, Fcntl.AT_SYMLINK_FOLLOW);
                    }
                    Errno.check(linked);
                } finally {
                    host().handles().release(open);
                }
            } else {
                file.byName((directory, as) -> HostPath.linkFile(directory, as, at.fd, child, 0), null);
            }
        } finally {
            host().handles().release(at);
        }
        file.linked(this, child);
        changed();
    }

    @Override
    public void unlink(String child, Inode target) throws ErrnoException {
        checkChangeable();
        HostInode file = (HostInode) target;
        if (file.content() != null) {
            file.content().pin();
        }
        try {
            file.losesName();
            HandleCache.Handle at = directoryHandle();
            try {
                Errno.check(HostPath.unlink(at.fd, child, 0));
            } finally {
                host().handles().release(at);
            }
            gone(file, child);
        } finally {
            settled(file);
        }
    }

    private static void settled(HostInode file) {
        if (file.content() != null) {
            file.content().nameSettled();
        }
    }

    private void gone(HostInode file, String child) {
        file.unnamed(this, child);
        changed();
        if (file.name() == null && (file.content() == null || !file.content().isInUse())) {
            host().forget(file);
        }
    }

    @Override
    public void rmdir(String child, Inode target) throws ErrnoException {
        checkChangeable();
        ((HostInode) target).losesName();
        HandleCache.Handle at = directoryHandle();
        try {
            Errno.check(HostPath.unlink(at.fd, child, Fcntl.AT_REMOVEDIR));
        } finally {
            host().handles().release(at);
        }
        gone((HostInode) target, child);
    }

    private void renameOnHost(String oldName, HostDirectory to, String newName, int flags) throws ErrnoException {
        HandleCache.Handle from = directoryHandle();
        try {
            HandleCache.Handle at = to.directoryHandle();
            try {
                Errno.check(HostPath.rename(from.fd, oldName, at.fd, newName, flags));
            } finally {
                host().handles().release(at);
            }
        } finally {
            host().handles().release(from);
        }
    }

    @Override
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        checkChangeable();
        HostDirectory to = (HostDirectory) newParent;
        HostInode moved = (HostInode) source;
        HostInode other = (HostInode) replaced;
        to.checkChangeable();
        boolean isExchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        if (other != null && !isExchange) {
            if (other.content() != null) {
                other.content().pin();
            }
            try {
                other.losesName();
                renameOnHost(oldName, to, newName, flags);
                to.gone(other, newName);
            } finally {
                settled(other);
            }
        } else {
            renameOnHost(oldName, to, newName, flags);
        }
        moved.renamed(this, oldName, to, newName);
        if (isExchange) {
            other.renamed(to, newName, this, oldName);
        }
        changed();
        to.changed();
    }

    @Override
    public OpenFile open(int flags) {
        return new HostDirectoryFile(this);
    }
}
