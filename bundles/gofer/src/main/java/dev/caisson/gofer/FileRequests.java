package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Fcntl.F_OFD_GETLK;
import static dev.caisson.abi.Fcntl.F_OFD_SETLK;
import static dev.caisson.abi.Fcntl.F_UNLCK;
import static dev.caisson.abi.Fcntl.O_ACCMODE;
import static dev.caisson.abi.Fcntl.O_CREAT;
import static dev.caisson.abi.Fcntl.O_EXCL;
import static dev.caisson.abi.Fcntl.O_RDONLY;
import static dev.caisson.abi.Fcntl.O_TMPFILE;
import static dev.caisson.abi.Fcntl.O_TRUNC;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.FileLock;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.FileLockRange;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Requests that open files, and those to open files. Concurrency: transfers the host's; one reader of a directory at a time. */
final class FileRequests {
    /** Values of Ropenat. */
    private static final int NOT_DONATED = 0, DONATED = 1, DONATED_AND_BOUND = 2;
    /** The longest entry of struct linux_dirent64, so that one fits always. */
    private static final int LONGEST_ENTRY_BYTES = 19 + 256 + 8;
    /** Buffers of entries that are all left out, one after the other, before the host's directory is taken for one without an end. */
    private static final int MOST_ROUNDS = 1024;
    private static final int SAME = -1;

    private final Session session;

    FileRequests(Session session) {
        this.session = session;
    }

    private int ioUnit() {
        return session.messageBytes() - Protocol.IO_HEADER_BYTES;
    }

    private static void checkFlags(Fid fid, int flags) throws ErrnoException {
        boolean changes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT)) != 0;
        if (changes && fid.export().isReadOnly()) {
            throw EROFS.error("a read-only export");
        }
    }

    void open(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        int flags = work.in.u32();
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            if (fid.isOpen()) {
                throw EBADF.error("a fid that is open");
            }
            checkFlags(fid, flags & ~O_CREAT);
            fid.open(Beneath.open(session.environment(), fid.handle(), flags), flags, false);
            Beneath.status(work, fid.handle().fd());
            work.qid(fid.export()).write(work.reply());
            work.out.u32(ioUnit());
        }
    }

    void create(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        int flags = in.u32();
        int mode = in.u32();
        int gid = in.u32();
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            if (fid.isOpen()) {
                throw EBADF.error("a fid that is open");
            }
            if (!fid.handle().isDirectory()) {
                throw ENOTDIR.error("not a directory");
            }
            fid.checkWritable();
            Handle made = Beneath.create(session.environment(), work, fid.handle().fd(), Names.checkEntry(name), flags, mode);
            try {
                Beneath.status(work, made.fd());
                if (gid != SAME && gid != work.gid() && session.environment().policy().givesFilesAway()) {
                    Errno.check(HostFile.changeOwner(made.fd(), SAME, gid));
                }
                fid.open(made.share(), flags, true);
            } finally {
                made.release();
            }
            work.qid(fid.export()).write(work.reply());
            work.out.u32(ioUnit());
        }
    }

    /** Opens or makes a file, and gives it away where that is possible. */
    void openAt(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        int newNumber = in.u32();
        String name = in.string();
        int flags = in.u32();
        int mode = in.u32();
        int uid = in.u32();
        int gid = in.u32();
        work.endOfRequest();
        session.fids().checkFree(newNumber);
        try (Fid fid = session.use(number)) {
            checkFlags(fid, flags);
            boolean isUnnamed = (flags & O_TMPFILE) == O_TMPFILE;
            boolean isMade = isUnnamed || (flags & O_CREAT) != 0;
            if (isMade && !fid.handle().isDirectory()) {
                throw ENOTDIR.error("not a directory");
            }
            Handle file = null;
            Handle opened = null;
            try {
                if (isUnnamed) {
                    if (!name.isEmpty()) {
                        throw EINVAL.error("a name for a file without one");
                    }
                    opened = Beneath.createUnnamed(session.environment(), fid.handle().fd(), flags, mode);
                } else if (isMade) {
                    opened = Beneath.create(session.environment(), work, fid.handle().fd(), Names.checkEntry(name), flags, mode);
                } else {
                    file = name.isEmpty() ? fid.handle().share()
                        : Beneath.handle(session.environment(), work, Beneath.entry(fid.handle().fd(), Names.checkEntry(name)));
                    opened = Beneath.open(session.environment(), file, flags);
                }
                Beneath.status(work, opened.fd());
                if (isUnnamed || isMade && (flags & O_EXCL) != 0) {
                    own(work, opened, mode, uid, gid);
                }
                answerOpen(work, fid, newNumber, file == null ? opened : file, opened, flags);
            } finally {
                if (file != null) {
                    file.release();
                }
                if (opened != null) {
                    opened.release();
                }
            }
        }
    }

    /** Gives a new file this owner and mode, but for what a default access list of the directory has taken away. */
    private void own(Workspace work, Handle opened, int mode, int uid, int gid) throws ErrnoException {
        boolean isStranger = uid != SAME && uid != work.uid() || gid != SAME && gid != work.gid();
        if (isStranger && session.environment().policy().givesFilesAway()) {
            Errno.check(HostFile.changeOwner(opened.fd(), uid, gid));
            Beneath.status(work, opened.fd());
        }
        int wanted = mode & 07000 | mode & work.mode() & 0777;
        if ((work.mode() & 07777) != wanted) {
            Errno.check(HostFile.changeMode(opened.fd(), wanted));
            Beneath.status(work, opened.fd());
        }
    }

    private void answerOpen(Workspace work, Fid fid, int newNumber, Handle file, Handle opened, int flags) throws ErrnoException {
        boolean isDonated = session.canDonate() && opened.isRegular();
        boolean isUnnamed = (flags & O_TMPFILE) == O_TMPFILE;
        FileAttributes attributes = work.attributes(fid.export());
        if (!isDonated || isUnnamed) {
            Fid made = new Fid(fid.export(), fid.identity(), file.share());
            made.open(opened.share(), flags, false);
            session.fids().put(newNumber, made);
        }
        WireWriter out = work.reply().u8(!isDonated ? NOT_DONATED : isUnnamed ? DONATED_AND_BOUND : DONATED);
        attributes.write(out);
        if (isDonated) {
            work.donate(opened.share());
        }
    }

    void read(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        long offset = work.in.u64();
        int wanted = work.in.u32();
        work.endOfRequest();
        int count = count(wanted);
        try (Fid fid = session.use(number)) {
            MemorySegment data = work.data(count);
            XattrValue xattr = fid.xattr();
            int got;
            if (xattr != null) {
                got = xattr.available(offset, count);
                if (got > 0) { // else the offset is anything
                    MemorySegment.copy(xattr.value(), (int) offset, data, ValueLayout.JAVA_BYTE, 0, got);
                }
            } else {
                got = (int) Errno.check(HostFile.pread(fid.opened().fd(), data.address(), count, offset));
            }
            work.reply().u32(got);
            work.append(got);
        }
    }

    /** As much as a reply holds. */
    private int count(int wanted) {
        int most = ioUnit();
        return wanted < 0 ? most : Math.min(wanted, most);
    }

    void write(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        long offset = work.in.u64();
        int count = work.in.u32();
        work.endOfRequest();
        if (count < 0 || count != work.messageBytes() - Workspace.WRITE_HEADER_BYTES) {
            throw Errno.EPROTO.error("data of another length");
        }
        try (Fid fid = session.use(number)) {
            MemorySegment data = work.message(0).asSlice(Workspace.WRITE_HEADER_BYTES, count);
            XattrValue xattr = fid.xattr();
            if (xattr != null) {
                if (count > Protocol.XATTR_BYTES) {
                    throw EINVAL.error("beyond the attribute's size");
                }
                xattr.write(offset, data.toArray(ValueLayout.JAVA_BYTE));
                work.reply().u32(count);
                return;
            }
            long written = Errno.check(HostFile.pwrite(fid.opened().fd(), data.address(), count, offset));
            work.reply().u32((int) written);
        }
    }

    void readDirectory(Workspace work) throws ErrnoException {
        readDirectory(work, false);
    }

    void readDirectoryWithAttributes(Workspace work) throws ErrnoException {
        readDirectory(work, true);
    }

    private void readDirectory(Workspace work, boolean hasAttributes) throws ErrnoException {
        int number = work.in.u32();
        long offset = work.in.u64();
        int wanted = work.in.u32();
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            if (!fid.handle().isDirectory()) {
                throw ENOTDIR.error("not a directory");
            }
            DirectoryReader reader = fid.directory();
            int fd = fid.handle().fd();
            Beneath.status(work, fd);
            long device = work.device();
            boolean isRoot = work.isRoot(fid.export());
            Qid self = work.qid(fid.export());
            WireWriter out = work.reply();
            if (hasAttributes) {
                out.u8(0);
            }
            int countAt = out.position();
            out.u32(0);
            int start = out.position();
            int room = Math.min(count(wanted), Workspace.MOST_REPLY_BYTES);
            MemorySegment buffer = work.directoryEntries();
            int hostBytes = hasAttributes ? room / 4 : room; // an entry with attributes is four times as long as the host's
            int bytes = (int) Math.clamp(hostBytes, LONGEST_ENTRY_BYTES, buffer.byteSize());
            boolean[] isFull = {false};
            int[] taken = {0};
            long next = offset;
            boolean isEnd;
            int rounds = 0;
            do {
                if (++rounds > MOST_ROUNDS) {
                    throw Errno.EIO.error("a directory that never ends");
                }
                // A whole buffer of entries that are left out must not look like the end.
                long[] last = {next};
                isEnd = reader.read(next, buffer, bytes, (name, inode, behind, type) -> {
                    last[0] = behind;
                    int before = out.position();
                    if (!hasAttributes) {
                        long path = isRoot && name.equals("..") ? self.path() : fid.export().path(device, inode);
                        new Qid(type == 4 ? Qid.DIRECTORY : type == 10 ? Qid.SYMLINK : Qid.FILE, 0, path).write(out);
                    } else if (name.equals(".") || name.equals("..") || !writeAttributes(work, fid, fd, name)) {
                        return true;
                    }
                    out.u64(behind).u8(type).string(name);
                    if (out.position() - start > room) {
                        out.truncate(before);
                        isFull[0] = true;
                        return false;
                    }
                    taken[0]++;
                    return true;
                });
                next = last[0];
            } while (!isEnd && !isFull[0] && taken[0] == 0);
            if (isFull[0] && taken[0] == 0) {
                throw EINVAL.error("no room for an entry");
            }
            if (hasAttributes && isEnd) {
                out.array()[countAt - 1] = 1;
            }
            out.patch32(countAt, out.position() - start);
        }
    }

    private static boolean writeAttributes(Workspace work, Fid fid, int directory, String name) {
        try {
            Beneath.status(work, directory, name);
        } catch (ErrnoException e) {
            return false; // gone meanwhile
        }
        work.attributes(fid.export()).write(work.out);
        return true;
    }

    /** Older clients do not say what kind of sync they want. */
    void sync(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        boolean isDataOnly = work.in.remaining() > 0 && work.in.u32() != 0;
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            int fd = fid.opened().fd();
            Errno.check(isDataOnly ? HostFile.syncData(fd) : HostFile.sync(fd));
        }
        work.reply();
    }

    /** Never waits: a client that wants to wait asks again, as Linux's does. */
    void lock(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        int type = in.u8();
        in.u32(); // flags: whether the server may wait
        long start = in.u64();
        long length = in.u64();
        in.u32();
        in.string();
        work.endOfRequest();
        if (type > Protocol.LOCK_UNLOCK) {
            throw EINVAL.error("no type of lock");
        }
        try (Fid fid = session.use(number)) {
            int fd = fid.opened().fd();
            FileLock.CODEC.write(work.structure(), 0, new FileLock(type, 0, start, length, 0));
            fid.locked();
            long result = HostFile.control(fd, F_OFD_SETLK, work.structure().address());
            boolean isBlocked = result == -EAGAIN.number() || result == -Errno.EACCES.number();
            if (result < 0 && !isBlocked) {
                throw Errno.of(-result).error();
            }
            work.reply().u8(isBlocked ? Protocol.LOCK_BLOCKED : Protocol.LOCK_SUCCESS);
        }
    }

    void askLock(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        FileLockRange asked = FileLockRange.read(work.in);
        work.endOfRequest();
        if (asked.type() > Protocol.LOCK_UNLOCK) {
            throw EINVAL.error("no type of lock");
        }
        try (Fid fid = session.use(number)) {
            int fd = fid.opened().fd();
            FileLock.CODEC.write(work.structure(), 0, new FileLock(asked.type(), 0, asked.start(), asked.lengthBytes(), 0));
            Errno.check(HostFile.control(fd, F_OFD_GETLK, work.structure().address()));
            FileLock found = FileLock.CODEC.read(work.structure(), 0);
            boolean isFree = found.type() == F_UNLCK;
            new FileLockRange(found.type(), isFree ? asked.start() : found.start(), isFree ? asked.lengthBytes() : found.lengthBytes(),
                isFree ? asked.process() : found.pid(), asked.client()).write(work.reply());
        }
    }

    /** A fid that is clunked gives its locks back, even when another fid of the file keeps it open. */
    void endLocks(Workspace work, Fid fid) throws ErrnoException {
        if (fid.hasLocks()) {
            FileLock.CODEC.write(work.structure(), 0, new FileLock(F_UNLCK, 0, 0, 0, 0));
            HostFile.control(fid.opened().fd(), F_OFD_SETLK, work.structure().address());
        }
    }
}
