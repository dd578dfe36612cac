package dev.caisson.gofer;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ERANGE;
import static dev.caisson.abi.Errno.ESTALE;
import static dev.caisson.abi.Fcntl.AT_EMPTY_PATH;
import static dev.caisson.abi.Fcntl.AT_FDCWD;
import static dev.caisson.abi.Fcntl.O_ACCMODE;
import static dev.caisson.abi.Fcntl.O_RDONLY;
import static dev.caisson.abi.Fcntl.O_WRONLY;
import static dev.caisson.abi.Fcntl.UTIME_NOW;
import static dev.caisson.abi.Fcntl.UTIME_OMIT;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.StatfsValue;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.FileSystemUsage;
import dev.caisson.ninep.Names;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Requests about attributes of files, extended ones too. Concurrency: the host's. */
final class AttributeRequests {
    private static final long BILLION = 1_000_000_000;
    private static final int NAME_BYTES = 255;
    private static final int XATTR_CREATE = 1;
    private static final int XATTR_REPLACE = 2;
    private static final int SAME = -1;

    private final Session session;

    AttributeRequests(Session session) {
        this.session = session;
    }

    void get(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        work.in.u64(); // what is asked for; everything costs the same
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            Beneath.status(work, fid.handle().fd());
            FileAttributes attributes = work.attributes(fid.export());
            attributes.write(work.reply().u64(attributes.valid()));
        }
    }

    void set(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        AttributeUpdate update = AttributeUpdate.read(work.in);
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            fid.checkWritable();
            boolean isWriter = fid.isOpen() && fid.xattr() == null && (fid.flags() & O_ACCMODE) != O_RDONLY;
            set(fid.handle(), isWriter ? fid.opened() : null, update);
        }
        work.reply();
    }

    /** An entry of a directory, if it is still the file that is meant. */
    void setAt(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        String name = work.in.string();
        long path = work.in.u64();
        AttributeUpdate update = AttributeUpdate.read(work.in);
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            fid.checkWritable();
            if (!fid.handle().isDirectory()) {
                throw ENOTDIR.error("not a directory");
            }
            Handle file = Beneath.handle(session.environment(), work, Beneath.entry(fid.handle().fd(), Names.checkEntry(name)));
            try {
                Beneath.status(work, file.fd());
                if (work.qid(fid.export()).path() != path) {
                    throw ESTALE.error("another file has the name");
                }
                set(file, null, update);
                Beneath.status(work, file.fd());
                work.attributes(fid.export()).write(work.reply());
            } finally {
                file.release();
            }
        }
    }

    /** In the order in which one change does not undo another: chown clears set-id bits, truncation changes times. */
    private void set(Handle file, Handle writer, AttributeUpdate update) throws ErrnoException {
        boolean isOwned = update.has(AttributeUpdate.UID) || update.has(AttributeUpdate.GID);
        if (isOwned) {
            Errno.check(HostPath.changeOwner(file.fd(), "", update.has(AttributeUpdate.UID) ? update.uid() : SAME,
                update.has(AttributeUpdate.GID) ? update.gid() : SAME, AT_EMPTY_PATH));
        }
        if (update.has(AttributeUpdate.MODE)) {
            if (file.isLink()) {
                throw EOPNOTSUPP.error("the mode of a link");
            }
            Errno.check(HostPath.changeMode(AT_FDCWD, link(file), update.mode() & 07777));
        }
        if (update.has(AttributeUpdate.SIZE)) {
            truncate(file, writer, update.sizeBytes());
        }
        if (update.has(AttributeUpdate.ACCESS_TIME) || update.has(AttributeUpdate.MODIFY_TIME)) {
            setTimes(file, update);
        } else if (update.has(AttributeUpdate.CHANGE_TIME) && !isOwned) {
            Errno.check(HostPath.changeOwner(file.fd(), "", SAME, SAME, AT_EMPTY_PATH)); // changes nothing but the time
        }
    }

    private void truncate(Handle file, Handle writer, long bytes) throws ErrnoException {
        if (!file.isRegular()) {
            throw file.isDirectory() ? EISDIR.error() : EINVAL.error();
        }
        if (writer != null) {
            Errno.check(HostFile.truncate(writer.fd(), bytes));
            return;
        }
        Handle writable = Beneath.open(session.environment(), file, O_WRONLY);
        try {
            Errno.check(HostFile.truncate(writable.fd(), bytes));
        } finally {
            writable.release();
        }
    }

    private static void setTimes(Handle file, AttributeUpdate update) throws ErrnoException {
        boolean setsAccess = update.has(AttributeUpdate.ACCESS_TIME_SET);
        boolean setsModify = update.has(AttributeUpdate.MODIFY_TIME_SET);
        Errno.check(HostPath.changeTimes(file.fd(), "",
            setsAccess ? Math.floorDiv(update.accessNs(), BILLION) : 0,
            !update.has(AttributeUpdate.ACCESS_TIME) ? UTIME_OMIT : setsAccess ? Math.floorMod(update.accessNs(), BILLION) : UTIME_NOW,
            setsModify ? Math.floorDiv(update.modifyNs(), BILLION) : 0,
            !update.has(AttributeUpdate.MODIFY_TIME) ? UTIME_OMIT : setsModify ? Math.floorMod(update.modifyNs(), BILLION) : UTIME_NOW,
            AT_EMPTY_PATH));
    }

    void fileSystem(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            Errno.check(HostFile.fileSystemStatus(fid.handle().fd(), work.structure().address()));
            StatfsValue status = StatfsValue.CODEC.read(work.structure(), 0);
            new FileSystemUsage((int) status.type(), (int) status.blockBytes(), status.blocks(), status.freeBlocks(),
                status.availableBlocks(), status.files(), status.freeFiles(), status.id(), (int) status.nameBytes()).write(work.reply());
        }
    }

    void readLink(Workspace work) throws ErrnoException {
        int number = work.in.u32();
        work.endOfRequest();
        try (Fid fid = session.use(number)) {
            if (!fid.handle().isLink()) {
                throw EINVAL.error("not a link");
            }
            MemorySegment text = work.data(Protocol.LINK_BYTES + 1);
            int length = (int) Errno.check(HostPath.readLink(fid.handle().fd(), "", text.address(), Protocol.LINK_BYTES + 1));
            if (length > session.messageBytes() - Protocol.HEADER_BYTES - 2) {
                throw ENAMETOOLONG.error("a link longer than a message");
            }
            work.reply().u16(length);
            work.append(length);
        }
    }

    void walkXattr(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        int newNumber = in.u32();
        String name = in.string();
        work.endOfRequest();
        session.fids().checkFree(newNumber);
        if (name.length() > NAME_BYTES) {
            throw ERANGE.error("the name of an attribute");
        }
        try (Fid fid = session.use(number)) {
            Handle file = fid.handle();
            MemorySegment buffer = work.data(Protocol.XATTR_BYTES);
            String path = link(file);
            int length = (int) Errno.check(name.isEmpty()
                ? HostPath.attributes(path, true, buffer.address(), Protocol.XATTR_BYTES)
                : HostPath.attribute(path, name, true, buffer.address(), Protocol.XATTR_BYTES));
            XattrValue value = XattrValue.toRead(session.xattrs(), length);
            MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, value.value(), 0, length);
            Fid made = new Fid(fid.export(), fid.identity(), file.share());
            made.openXattr(value);
            session.fids().put(newNumber, made);
            work.reply().u64(length);
        }
    }

    void createXattr(Workspace work) throws ErrnoException {
        WireReader in = work.in;
        int number = in.u32();
        String name = in.string();
        long bytes = in.u64();
        int flags = in.u32();
        work.endOfRequest();
        if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0 || flags == (XATTR_CREATE | XATTR_REPLACE)) {
            throw EINVAL.error("unknown flags");
        }
        if (name.isEmpty() || name.length() > NAME_BYTES) {
            throw ERANGE.error("the name of an attribute");
        }
        if (bytes < 0 || bytes > Protocol.XATTR_BYTES) {
            throw bytes < 0 ? ENOSPC.error() : E2BIG.error();
        }
        try (Fid fid = session.use(number)) {
            fid.checkWritable();
            // The host's own labels are not a client's to set; file capabilities and access lists belong to the tree.
            if (name.startsWith("security.") && !name.equals("security.capability")
                || name.startsWith("system.") && !name.startsWith("system.posix_acl_")) {
                throw EPERM.error("an attribute of the host's");
            }
            fid.openXattr(XattrValue.toWrite(session.xattrs(), name, (int) bytes, flags));
        }
        work.reply();
    }

    /** Sets what was collected, when its fid is clunked. Nothing but the name and XATTR_REPLACE removes, as Linux's client does. */
    void setXattr(Workspace work, Fid fid) throws ErrnoException {
        XattrValue value = fid.xattr();
        if (value == null || !value.isWritten()) {
            return;
        }
        if (!value.isComplete()) {
            throw EINVAL.error("an attribute that is incomplete");
        }
        String path = link(fid.handle());
        int length = value.value().length;
        if (length == 0 && value.flags() == XATTR_REPLACE) {
            Errno.check(HostPath.removeAttribute(path, value.name(), true));
            return;
        }
        MemorySegment buffer = work.data(Math.max(length, 1));
        MemorySegment.copy(value.value(), 0, buffer, ValueLayout.JAVA_BYTE, 0, length);
        Errno.check(HostPath.setAttribute(path, value.name(), true, buffer.address(), length, value.flags()));
    }

    private String link(Handle file) {
        return session.environment().link(file.fd());
    }
}
