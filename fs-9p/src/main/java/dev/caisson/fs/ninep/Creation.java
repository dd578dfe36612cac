package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import java.util.HashMap;
import java.util.List;

/** A new file in a directory of the server: by one message where the extension is spoken, by several where not. */
final class Creation {
    private final NinepDirectory directory;
    private final NinepFileSystem fileSystem;
    private final String child;
    private final NewNode node;

    /**
     * Prepares it.
     *
     * @param directory where
     * @param child the name; not used by {@link #unnamed}
     * @param node type, mode, owner
     */
    Creation(NinepDirectory directory, String child, NewNode node) {
        this.directory = directory;
        this.fileSystem = directory.ninep();
        this.child = child;
        this.node = node;
    }

    /** Gives a new file owner and mode, where the server had its own idea of them. */
    private NinepInode finish(Session session, int made, FileAttributes found) throws ErrnoException {
        int fid = made;
        FileAttributes attributes = found;
        int valid = attributes.uid() != node.uid() ? AttributeUpdate.UID : 0;
        valid |= attributes.gid() != node.gid() ? AttributeUpdate.GID : 0;
        boolean hasMode = (attributes.mode() & Stat.S_IFMT) != Stat.S_IFLNK;
        // What is missing of the permissions, the list has taken away.
        int kept = directory.hasDefaultAcl() ? 07000 | attributes.mode() & 0777 : 07777;
        NewNode wanted = new NewNode(node.mode() & (~07777 | kept), node.uid(), node.gid(), node.rawDevice());
        valid |= hasMode && ((attributes.mode() ^ wanted.mode()) & 07777) != 0 ? AttributeUpdate.MODE : 0;
        if (valid != 0) {
            if (fid == Protocol.NO_FID) {
                Session.Walked walked = directory.ask(true, (s, at) -> s.walk(at, List.of(child)));
                fid = walked.fid();
            }
            if ((valid & ~AttributeUpdate.MODE) != 0 && hasMode) {
                valid |= AttributeUpdate.MODE; // a new owner may cost set-user-ID
            }
            try {
                updateOwner(session, fid, valid, wanted);
                attributes = session.attributes(fid);
            } catch (ErrnoException e) {
                session.clunk(fid);
                throw e;
            }
        }
        return directory.adopt(session, fid, attributes, child);
    }

    private static void updateOwner(Session session, int fid, int valid, NewNode node) throws ErrnoException {
        int owner = valid & (AttributeUpdate.UID | AttributeUpdate.GID);
        if (owner != 0) {
            try {
                session.update(fid, new AttributeUpdate(owner, 0, node.uid(), node.gid(), 0, 0, 0));
            } catch (ErrnoException e) {
                if (e.errno() != EPERM) {
                    throw e;
                } // the server runs as an ordinary user, whose file it is then
            }
        }
        if ((valid & AttributeUpdate.MODE) != 0) {
            session.update(fid, new AttributeUpdate(AttributeUpdate.MODE, node.mode() & 07777, 0, 0, 0, 0, 0));
        }
    }

    /** Something made under a name by one message. */
    @FunctionalInterface
    private interface Maker {
        void make(Session session, int fid) throws ErrnoException;
    }

    /**
     * Makes something that is no regular file.
     *
     * @param target the text of a link; else empty
     * @param maker does it where the extension is not spoken
     */
    private NinepInode make(String target, Maker maker) throws ErrnoException {
        fileSystem.checkWritable();
        directory.nameChanges(child);
        FileAttributes[] made = {null};
        directory.change(() -> directory.find(child) != null, () -> made[0] = directory.ask(false, (session, fid) -> {
            if (session.isExtended()) {
                return session.makeAt(fid, child, node.mode() & (Stat.S_IFMT | 07777), node.uid(), node.gid(), target);
            }
            maker.make(session, fid);
            return null;
        }));
        directory.nameChanges(child);
        directory.changed();
        FileAttributes told = made[0];
        if (told == null) {
            return found();
        }
        if (((told.mode() ^ node.mode()) & Stat.S_IFMT) != 0) {
            throw Errno.EPROTO.error("something else was made");
        }
        return directory.ask(true, (session, fid) -> finish(session, Protocol.NO_FID, told));
    }

    /** What was just made, with the owner and mode that it was to have. */
    private NinepInode found() throws ErrnoException {
        return directory.ask(true, (session, fid) -> {
            Session.Found found = session.lookup(fid, child);
            if (found == null) {
                throw EIO.error("what was just made is not there");
            }
            return finish(session, found.fid(), found.attributes());
        });
    }

    /** Makes a file of the type that its mode says. */
    Inode file() throws ErrnoException {
        int type = node.mode() & Stat.S_IFMT;
        return switch (type) {
            case Stat.S_IFREG -> regular();
            case Stat.S_IFDIR -> {
                NinepInode made = make("", (session, fid) -> session.makeDirectory(fid, child, node.mode() & 07777, node.gid()));
                if (fileSystem.isExclusive() && made instanceof NinepDirectory empty) {
                    empty.listed(new HashMap<>(), List.of(), empty.nameVersion()); // it is empty, and nobody knows it yet
                    if (!directory.hasDefaultAcl()) {
                        empty.inheritsNoDefaultAcl();
                    }
                }
                yield made;
            }
            case Stat.S_IFIFO, Stat.S_IFSOCK -> make("",
                    (session, fid) -> session.makeNode(fid, child, type | node.mode() & 07777, 0, 0, node.gid()));
            default -> throw EPERM.error("no device nodes on the server");
        };
    }

    private Inode regular() throws ErrnoException {
        fileSystem.checkWritable();
        directory.nameChanges(child);
        NinepInode[] made = {null};
        boolean[] isThere = {false};
        directory.change(() -> {
            isThere[0] = directory.find(child) != null;
            return false; // it is still to be opened
        }, () -> made[0] = fileSystem.isExtended() ? createAndOpen(isThere[0]) : createByProtocol(isThere[0]));
        return made[0];
    }

    private NinepInode createAndOpen(boolean isThere) throws ErrnoException {
        int flags = (isThere ? 0 : Fcntl.O_CREAT | Fcntl.O_EXCL) | Fcntl.O_RDWR | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC;
        return directory.ask(false, (session, fid) -> {
            Session.Opened opened = session.openAt(fid, child, flags, node.mode() & 07777, node.uid(), node.gid());
            directory.nameChanges(child);
            directory.changed();
            return opened(session, opened, directory.adopt(session, Protocol.NO_FID, opened.attributes(), child));
        });
    }

    private NinepInode createByProtocol(boolean isThere) throws ErrnoException {
        if (isThere) {
            return found();
        }
        return directory.ask(false, (session, fid) -> {
            int own = session.walk(fid, List.of()).fid();
            try {
                session.create(own, child, Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_RDWR, node.mode() & 07777, node.gid());
            } catch (ErrnoException e) {
                session.clunk(own);
                throw e;
            }
            directory.nameChanges(child);
            directory.changed();
            Session.Found found = session.lookup(fid, child);
            if (found == null) {
                session.clunk(own);
                throw EIO.error("what was just made is not there");
            }
            fileSystem.made(found.attributes()); // few servers tell the time of birth
            NinepInode made = finish(session, found.fid(), found.attributes());
            return opened(session, new Session.Opened(own, -1, found.attributes()), made);
        });
    }

    /** A new file comes with an open handle. */
    private static NinepInode opened(Session session, Session.Opened opened, NinepInode made) throws ErrnoException {
        if (made.content() == null) {
            throw Errno.EPROTO.error("no regular file was made");
        }
        made.content().created(made.content().handle(session, opened, true));
        return made;
    }

    /** Makes a regular file without a name. */
    Inode unnamed() throws ErrnoException {
        fileSystem.checkWritable();
        if (!fileSystem.isExtended()) {
            throw EOPNOTSUPP.error("the protocol has no files without names");
        }
        return directory.ask(false, (session, fid) -> {
            Session.Opened opened = session.openAt(fid, "", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_CLOEXEC, node.mode() & 07777,
                    node.uid(), node.gid());
            NinepInode made = fileSystem.inode(opened.attributes(), null, null);
            if (made.content() == null) {
                throw Errno.EPROTO.error("no regular file was made");
            }
            // A fid of its own, to give it a name and other attributes by; it is open, too.
            boolean isDonated = opened.descriptor() >= 0;
            if (opened.fid() == Protocol.NO_FID) {
                throw Errno.EPROTO.error("no fid for a file without a name");
            }
            int second = isDonated ? opened.fid() : session.walk(opened.fid(), List.of()).fid();
            Session.Opened file = isDonated ? new Session.Opened(Protocol.NO_FID, opened.descriptor(), opened.attributes()) : opened;
            made.content().keepOpen(fileSystem.files().offer(made.content().handle(session, file, true)), made.way().keep(session, second));
            return made;
        });
    }

    /** Makes a symbolic link. */
    Inode link(String target) throws ErrnoException {
        return make(target, (session, fid) -> session.makeLink(fid, child, target, node.gid()));
    }
}
