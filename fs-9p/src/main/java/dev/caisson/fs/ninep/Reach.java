package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.ninep.Protocol;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How a file of the server is reached: by a fid, or by the names that lead to it when there is none at hand. */
final class Reach {
    private static final Logger log = LoggerFactory.getLogger(Reach.class);

    /** Deeper than a path can be, so a directory below itself is a lie. */
    private static final int MOST_DEPTH = 2048;
    private static final int TRIES = 3;

    private final NinepInode inode;
    private final NinepFileSystem fileSystem;
    private final EntryNames names = new EntryNames();
    /** The fid that names the file. */
    private final Handle.Slot fid = new Handle.Slot();
    /** It was told that it is. */
    private volatile boolean isLost;

    Reach(NinepInode inode) {
        this.inode = inode;
        this.fileSystem = inode.ninep();
    }

    EntryNames names() {
        return names;
    }

    /** A handle on a fid of the file; the caller releases it. */
    Handle take() throws ErrnoException {
        Handle known = fileSystem.fids().take(fid, false, fileSystem.renames());
        for (int tries = 1; known == null; tries++) {
            Session session = fileSystem.session();
            try {
                known = walk();
            } catch (ErrnoException e) {
                if (hasWrongName(e)) {
                    continue;
                }
                if (tries == TRIES || !fileSystem.makesRoom(e, session) && !session.isBroken()) {
                    throw e;
                }
            }
        }
        return known;
    }

    /** Whether an error says that a name does not lead here any more, because of others, while another one may. */
    boolean hasWrongName(ErrnoException e) {
        boolean isWrong = (e.errno() == ENOENT || e.errno() == ESTALE) && !fileSystem.isExclusive() && names.hasMore();
        if (isWrong) {
            names.wrong(names.first());
        }
        return isWrong;
    }

    private Handle walk() throws ErrnoException {
        int renames = fileSystem.renames();
        Session session = fileSystem.session();
        ArrayDeque<String> steps = new ArrayDeque<>();
        NinepInode at = inode;
        Handle start = null;
        while (!at.isTop()) {
            EntryNames.Entry entry = at.entry();
            if (entry == null) {
                throw at.way().nameless();
            }
            steps.addFirst(entry.name());
            at = entry.directory();
            start = fileSystem.fids().take(at.way().fid, false, renames);
            if (start != null && start.session == session) {
                break;
            }
            if (start != null) {
                fileSystem.fids().release(start);
                start = null;
            }
            if (steps.size() > MOST_DEPTH) {
                throw EIO.error("a directory below itself");
            }
        }
        try {
            Session.Walked end = walk(session, start == null ? session.root() : start.fid, steps);
            if (end.qid() != null && end.qid().path() != inode.number()) {
                session.clunk(end.fid());
                throw ESTALE.error("the server has another file under the name");
            }
            return fileSystem.fids().offer(new Handle(fid, session, end.fid(), -1, false, renames));
        } finally {
            if (start != null) {
                fileSystem.fids().release(start);
            }
        }
    }

    /** No name leads here any more, and no fid does. */
    private ErrnoException nameless() {
        if (inode.type() == Stat.S_IFDIR) {
            return ENOENT.error("the directory was removed");
        }
        if (inode.content() == null || !inode.content().isPinned()) {
            return ESTALE.error(); // whoever opens it just now looks for another one
        }
        if (!isLost) {
            isLost = true;
            log.warn("an open file without a name was lost with the connection to its server: inode={}", inode.number());
        }
        return EIO.error("an unlinked file was lost with the connection");
    }

    private static Session.Walked walk(Session session, int from, ArrayDeque<String> steps) throws ErrnoException {
        int at = from;
        while (true) {
            List<String> some = new ArrayList<>();
            while (!steps.isEmpty() && some.size() < Protocol.MOST_NAMES) {
                some.add(steps.removeFirst());
            }
            Session.Walked next;
            try {
                next = session.walk(at, some);
            } finally {
                if (at != from) {
                    session.clunk(at);
                }
            }
            if (steps.isEmpty()) {
                return next;
            }
            at = next.fid();
        }
    }

    /** {@return whether there is a fid at hand} */
    boolean hasFid() {
        Handle known = fileSystem.fids().take(fid, false, fileSystem.renames());
        if (known != null) {
            fileSystem.fids().release(known);
        }
        return known != null;
    }

    /** A fid came with a reply: of a lookup, say. */
    void offer(Session session, int number) {
        fileSystem.fids().release(fileSystem.fids().offer(new Handle(fid, session, number, -1, false, fileSystem.renames())));
    }

    /** As {@link #offer}, and the caller keeps it for as long as it needs it. */
    Handle keep(Session session, int number) {
        return fileSystem.fids().offer(new Handle(fid, session, number, -1, false, fileSystem.renames()));
    }

    /** The fid is not to be used any more: it may lead to another file, or nobody needs it. */
    void forget() {
        fileSystem.fids().forget(fid);
    }
}
