package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EXDEV;
import static dev.caisson.abi.Fcntl.AT_FDCWD;
import static dev.caisson.abi.Fcntl.AT_REMOVEDIR;
import static dev.caisson.abi.Fcntl.AT_SYMLINK_FOLLOW;
import static dev.caisson.abi.Fcntl.AT_SYMLINK_NOFOLLOW;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostPath;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;

/** Requests that make, move and remove entries of directories. Concurrency: the host's; names are read once and acted on once. */
final class EntryRequests {
    private static final int TYPE = 0xf000;
    private static final int REGULAR = 0x8000;
    private static final int CHARACTER_DEVICE = 0x2000;
    private static final int FIFO = 0x1000;
    private static final int SOCKET = 0xc000;
    private static final int DIRECTORY = 0x4000;
    private static final int LINK = 0xa000;
    private static final int RENAME_FLAGS = Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE | Fcntl.RENAME_WHITEOUT;
    private static final int SAME = -1;

    private final Session session;

    EntryRequests(Session session) {
        this.session = session;
    }

    void makeDirectory(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        int mode = in.u32();
        int gid = in.u32();
        work.endOfRequest();
        try (Fid directory = directory(number)) {
            Errno.check(HostPath.makeDirectory(directory.handle().fd(), Names.checkEntry(name), mode & 07777));
            made(work, directory, name, gid);
        }
    }

    /** Pipes, sockets and files; of devices only 0/0, which overlays call a whiteout. */
    void makeNode(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        int mode = in.u32();
        int major = in.u32();
        int minor = in.u32();
        int gid = in.u32();
        work.endOfRequest();
        int type = mode & TYPE;
        if ((mode & ~(TYPE | 07777)) != 0) {
            throw EINVAL.error("no mode");
        }
        try (Fid directory = directory(number)) {
            boolean isWhiteout = type == CHARACTER_DEVICE && major == 0 && minor == 0;
            if (type != REGULAR && type != 0 && type != FIFO && type != SOCKET && !isWhiteout) {
                throw EPERM.error("the gofer makes no devices");
            }
            Errno.check(HostPath.makeNode(directory.handle().fd(), Names.checkEntry(name), mode, 0));
            made(work, directory, name, gid);
        }
    }

    void makeLink(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        String target = in.string();
        int gid = in.u32();
        work.endOfRequest();
        checkTarget(target);
        try (Fid directory = directory(number)) {
            Errno.check(HostPath.symlink(target, directory.handle().fd(), Names.checkEntry(name)));
            made(work, directory, name, gid);
        }
    }

    private static void checkTarget(String target) throws ErrnoException {
        if (!Names.isLinkTarget(target)) {
            throw target.length() > Protocol.LINK_BYTES ? ENAMETOOLONG.error() : target.isEmpty() ? ENOENT.error() : EINVAL.error();
        }
    }

    /** Makes anything but files and devices, gives it its owner, and answers with its attributes. */
    void makeAt(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        int mode = in.u32();
        int uid = in.u32();
        int gid = in.u32();
        String target = in.string();
        work.endOfRequest();
        int type = mode & TYPE;
        if ((mode & ~(TYPE | 07777)) != 0) {
            throw EINVAL.error("no mode");
        }
        if (type == LINK) {
            checkTarget(target);
        } else if (!target.isEmpty()) {
            throw EINVAL.error("a target of what is no link");
        }
        try (Fid directory = directory(number)) {
            int fd = directory.handle().fd();
            Names.checkEntry(name);
            Errno.check(switch (type) {
                case DIRECTORY -> HostPath.makeDirectory(fd, name, mode & 07777);
                case LINK -> HostPath.symlink(target, fd, name);
                case FIFO, SOCKET -> HostPath.makeNode(fd, name, mode, 0);
                default -> throw EPERM.error("made otherwise, or not at all");
            });
            Beneath.status(work, fd, name);
            boolean isStranger = uid != SAME && uid != work.uid() || gid != SAME && gid != work.gid();
            if (isStranger && session.environment().policy().givesFilesAway()) {
                Errno.check(HostPath.changeOwner(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW));
                Beneath.status(work, fd, name);
            }
            work.attributes(directory.export()).write(work.reply());
        }
    }

    /** A directory that entries may be changed in. */
    private Fid directory(int number) throws ErrnoException {
        Fid fid = session.use(number);
        try {
            if (!fid.handle().isDirectory()) {
                throw ENOTDIR.error("not a directory");
            }
            fid.checkWritable();
            Fid checked = fid;
            fid = null;
            return checked;
        } finally {
            if (fid != null) {
                fid.close();
            }
        }
    }

    /** Gives a new entry its group, and answers with its qid. */
    private void made(Workspace work, Fid directory, String name, int gid) throws ErrnoException {
        int fd = directory.handle().fd();
        Beneath.status(work, fd, name);
        if (gid != SAME && gid != work.gid() && session.environment().policy().givesFilesAway()) {
            Errno.check(HostPath.changeOwner(fd, name, SAME, gid, AT_SYMLINK_NOFOLLOW));
        }
        work.qid(directory.export()).write(work.reply());
    }

    void link(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int directoryNumber = in.u32();
        int number = in.u32();
        String name = in.string();
        work.endOfRequest();
        try (Fid directory = directory(directoryNumber); Fid file = session.use(number)) {
            checkSameTree(directory, file);
            String source = session.environment().link(file.handle().fd());
            Errno.check(HostPath.linkFile(AT_FDCWD, source, directory.handle().fd(), Names.checkEntry(name), AT_SYMLINK_FOLLOW));
        }
        work.reply();
    }

    void rename(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        int directoryNumber = in.u32();
        String name = in.string();
        work.endOfRequest();
        try (Fid directory = directory(directoryNumber); Fid file = session.use(number)) {
            checkSameTree(directory, file);
            Names.checkEntry(name);
            try (Beneath.Place place = Beneath.find(session.environment(), work, file.export(), file.handle())) {
                Errno.check(HostPath.rename(place.directory().fd(), place.name(), directory.handle().fd(), name, 0));
            }
        }
        work.reply();
    }

    void renameAt(Workspace work, boolean hasFlags) throws ErrnoException {
        WireReader in = work.in;
        int fromNumber = in.u32();
        String from = in.string();
        int toNumber = in.u32();
        String to = in.string();
        int flags = hasFlags ? in.u32() : 0;
        work.endOfRequest();
        if ((flags & ~RENAME_FLAGS) != 0) {
            throw EINVAL.error("unknown flags");
        }
        try (Fid old = directory(fromNumber); Fid target = directory(toNumber)) {
            checkSameTree(old, target);
            Errno.check(HostPath.rename(old.handle().fd(), Names.checkEntry(from), target.handle().fd(), Names.checkEntry(to), flags));
        }
        work.reply();
    }

    void unlinkAt(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        int flags = in.u32();
        work.endOfRequest();
        if ((flags & ~Protocol.AT_REMOVEDIR) != 0) {
            throw EINVAL.error("unknown flags");
        }
        try (Fid directory = directory(number)) {
            Errno.check(HostPath.unlink(directory.handle().fd(), Names.checkEntry(name), flags));
        }
        work.reply();
    }

    /** The fid ends even when the file stays. */
    void remove(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        work.endOfRequest();
        try (Fid file = session.fids().remove(number)) {
            Identity.assume(file.identity());
            file.checkWritable();
            try (Beneath.Place place = Beneath.find(session.environment(), work, file.export(), file.handle())) {
                Errno.check(HostPath.unlink(place.directory().fd(), place.name(), file.handle().isDirectory() ? AT_REMOVEDIR : 0));
            }
        }
        work.reply();
    }

    private static void checkSameTree(Fid one, Fid other) throws ErrnoException {
        if (one.export() != other.export()) {
            throw EXDEV.error("two exports");
        }
    }
}
