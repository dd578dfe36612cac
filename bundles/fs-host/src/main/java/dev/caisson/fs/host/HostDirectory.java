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

    private final boolean isTop;

    HostDirectory(HostFileSystem fileSystem, HostStatus status, HostDevices.Device device, boolean isTop) {
        super(fileSystem, status, device);
        this.isTop = isTop;
    }

    @Override
    boolean isTop() {
        return isTop;
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
        if (isTop) {
            return (int) Errno.check(open(host().rootFd(), ".", flags));
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
        long make(int directory);
    }

    /** Makes a file, then gives it owner and mode: the host applied its own. */
    private HostInode make(String child, NewNode node, Maker maker) throws ErrnoException {
        checkChangeable();
        HandleCache.Handle at = directoryHandle();
        try {
            Errno.check(maker.make(at.fd));
            long owned = HostPath.changeOwner(at.fd, child, node.uid(), node.gid(), Fcntl.AT_SYMLINK_NOFOLLOW);
            if (owned < 0 && owned != -Errno.EPERM.number()) {
                Errno.check(owned); // EPERM: the sandbox runs as an ordinary user, whose file it is then
            }
            if ((node.mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
                Errno.check(HostPath.changeMode(at.fd, child, node.mode() & 07777));
            }
            changed();
            HostStatus status = HostStatus.of(at.fd, child);
            return host().inode(status, this, child, host().devices().of(status, at.fd, child));
        } finally {
            host().handles().release(at);
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
                    made = make(child, node, at -> fd[0] = (int) HostPath.open(at, child, CREATE_FLAGS, 0600));
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
                return make(child, node, at -> HostPath.makeDirectory(at, child, 0700));
            }
            case Stat.S_IFIFO, Stat.S_IFSOCK -> {
                return make(child, node, at -> HostPath.makeNode(at, child, type | 0600, 0));
            }
            default -> throw EPERM.error("no device nodes on the host");
        }
    }

    @Override
    public Inode symlink(String child, String target, NewNode node) throws ErrnoException {
        NewNode link = new NewNode(Stat.S_IFLNK | 0777, node.uid(), node.gid(), 0);
        return make(child, link, at -> HostPath.symlink(target, at, child));
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        checkChangeable();
        HandleCache.Handle at = directoryHandle();
        int fd;
        try {
            fd = (int) Errno.check(HostPath.open(at.fd, ".", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0600));
        } finally {
            host().handles().release(at);
        }
        try {
            long owned = HostFile.changeOwner(fd, node.uid(), node.gid());
            if (owned < 0 && owned != -Errno.EPERM.number()) {
                Errno.check(owned);
            }
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
        HandleCache.Handle at = directoryHandle();
        try {
            Errno.check(HostPath.unlink(at.fd, child, 0));
        } finally {
            host().handles().release(at);
        }
        gone(file, child);
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
        HandleCache.Handle at = directoryHandle();
        try {
            Errno.check(HostPath.unlink(at.fd, child, Fcntl.AT_REMOVEDIR));
        } finally {
            host().handles().release(at);
        }
        gone((HostInode) target, child);
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
        }
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
        if (other != null && !isExchange) {
            to.gone(other, newName);
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
