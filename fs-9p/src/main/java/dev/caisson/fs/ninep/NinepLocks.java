package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOLCK;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Errno.ETXTBSY;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.ninep.FileLockRange;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.ForeignLock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The locks that this mount has on a file at the server, all by one fid: to the server it is one owner, whoever has them here. They end
 * with a connection and are taken anew on the next one; where that fails, the file's reads and writes are EIO until the locks are given
 * back here, since what they protected may have changed.
 *
 * <p>A server without the extension is asked for a lock on the whole file, as strong as the strongest that anybody here has: diod's are
 * flock(2)'s whatever range they are said to have, so that a second one would replace the first, and one unlocked byte would unlock all.
 */
final class NinepLocks {
    private static final Logger log = LoggerFactory.getLogger(NinepLocks.class);

    private static final int TRIES = 3;
    private static final int PROCESS = (int) ProcessHandle.current().pid();
    private static final String CLIENT = "caisson";

    private record Held(int type, long start, long end) {}

    private final NinepInode inode;
    /** Held while messages about locks of this file are under way. */
    private final ReentrantLock lock = new ReentrantLock();
    /** Guarded by {@link #lock}, as is what follows. */
    private List<Held> held = new ArrayList<>();
    private Session session;
    private int fid = Protocol.NO_FID;
    /** They could not be taken anew. */
    private volatile boolean isLost;

    NinepLocks(NinepInode inode) {
        this.inode = inode;
    }

    /** Fails when locks were lost that somebody here believes to have. */
    void check() throws ErrnoException {
        if (isLost) {
            throw EIO.error("locks of the file were lost with the connection");
        }
    }

    boolean change(int type, long start, long end) throws ErrnoException {
        lock.lock();
        try {
            if (type == Fcntl.F_UNLCK && isLost) {
                keep(type, start, end);
                end();
                return true;
            }
            check();
            if (isHeld(type, start, end)) {
                return true;
            }
            boolean isTaken = isWhole() ? changeWhole(strongest(with(type, start, end))) : ask(type, start, end);
            if (isTaken) {
                keep(type, start, end);
                end();
            }
            return isTaken;
        } finally {
            lock.unlock();
        }
    }

    /** Nothing is held any more: the fid goes, for an open file of the server keeps others from this and that. */
    private void end() {
        if (!held.isEmpty()) {
            return;
        }
        isLost = false;
        inode.ninep().locked().remove(this);
        if (fid != Protocol.NO_FID && !session.isBroken()) {
            session.clunk(fid);
        }
        fid = Protocol.NO_FID;
    }

    private boolean isHeld(int type, long start, long end) {
        long at = start;
        for (Held one : held) { // in order, and no two overlap
            if (one.end < at) {
                continue;
            }
            if (one.start > end) {
                break;
            }
            if (one.type != type || type != Fcntl.F_UNLCK && one.start > at) {
                return false;
            }
            if (one.end >= end) {
                return true;
            }
            at = one.end + 1;
        }
        return type == Fcntl.F_UNLCK;
    }

    private boolean isWhole() {
        return !inode.ninep().isExtended();
    }

    private static int strongest(List<Held> locks) {
        int strongest = Fcntl.F_UNLCK;
        for (Held one : locks) {
            strongest = one.type == Fcntl.F_WRLCK || strongest == Fcntl.F_WRLCK ? Fcntl.F_WRLCK : Fcntl.F_RDLCK;
        }
        return strongest;
    }

    /** Changes the lock on the whole file. An attempt that fails may have cost the one before, which is taken again. */
    private boolean changeWhole(int type) throws ErrnoException {
        int before = strongest(held);
        if (before == type || ask(type, 0, Long.MAX_VALUE)) {
            return true;
        }
        if (before != Fcntl.F_UNLCK && !ask(before, 0, Long.MAX_VALUE)) {
            lost();
        }
        return false;
    }

    private void lost() throws ErrnoException {
        isLost = true;
        log.warn("locks of a file were lost at its server: inode={}", inode.number());
        check();
    }

    private void keep(int type, long start, long end) {
        held = with(type, start, end);
    }

    private List<Held> with(int type, long start, long end) {
        List<Held> next = new ArrayList<>();
        Held own = type == Fcntl.F_UNLCK ? null : new Held(type, start, end);
        for (Held one : held) {
            if (one.start < start) {
                next.add(new Held(one.type, one.start, Math.min(one.end, start - 1)));
            }
            if (own != null && one.end > end) {
                next.add(own);
                own = null;
            }
            if (one.end > end) {
                next.add(new Held(one.type, Math.max(one.start, end + 1), one.end));
            }
        }
        if (own != null) {
            next.add(own);
        }
        return next;
    }

    private boolean ask(int type, long start, long end) throws ErrnoException {
        for (int tries = 1;; tries++) {
            if (type == Fcntl.F_UNLCK && (fid == Protocol.NO_FID || session.isBroken())) {
                return true; // they ended with the connection, and what is left is taken anew with the next one
            }
            reach();
            try {
                return lock(type, start, end);
            } catch (ErrnoException e) {
                if (!session.isBroken() || tries == TRIES) {
                    throw e;
                }
            }
        }
    }

    /** A fid on a connection that works, with all that is held. */
    private void reach() throws ErrnoException {
        if (fid != Protocol.NO_FID && !session.isBroken()) {
            return;
        }
        open();
        inode.ninep().locked().add(this);
        List<Held> wanted = !isWhole() || held.isEmpty() ? held : List.of(new Held(strongest(held), 0, Long.MAX_VALUE));
        for (Held one : wanted) {
            boolean isTaken = false;
            try {
                isTaken = lock(one.type, one.start, one.end);
            } catch (ErrnoException e) {
                if (session.isBroken()) {
                    throw e; // and once more
                }
            }
            if (!isTaken) {
                lost();
            }
        }
    }

    private void open() throws ErrnoException {
        Errno refused = null;
        for (int flags : new int[] {Fcntl.O_RDWR, Fcntl.O_RDONLY}) {
            try {
                inode.ask(true, (current, from) -> {
                    int own = current.walk(from, List.of()).fid();
                    try {
                        inode.checkIs(current.open(own, flags));
                    } catch (ErrnoException e) {
                        current.clunk(own);
                        throw e;
                    }
                    session = current;
                    fid = own;
                    return null;
                });
                return;
            } catch (ErrnoException e) {
                refused = e.errno();
                if (refused != EACCES && refused != EROFS && refused != ETXTBSY) {
                    throw e;
                }
            }
        }
        throw refused.error("no open file to lock by");
    }

    private static long length(long start, long end) {
        return end == Long.MAX_VALUE ? 0 : end - start + 1;
    }

    /** Never lets the server wait: whoever waits for its answer would keep everybody else of this file from asking. */
    private boolean lock(int type, long start, long end) throws ErrnoException {
        int status = session.lock(fid, 0, new FileLockRange(type, start, length(start, end), PROCESS, CLIENT));
        return switch (status) {
            case Protocol.LOCK_SUCCESS -> true;
            case Protocol.LOCK_BLOCKED, Protocol.LOCK_GRACE -> false;
            default -> throw ENOLCK.error("the server has no lock");
        };
    }

    ForeignLock test(boolean isExclusive, long start, long end) throws ErrnoException {
        lock.lock();
        try {
            check();
            for (int tries = 1;; tries++) {
                reach();
                try {
                    FileLockRange found = session.testLock(fid, new FileLockRange(isExclusive ? Fcntl.F_WRLCK : Fcntl.F_RDLCK, start,
                            length(start, end), PROCESS, CLIENT));
                    return foreign(found);
                } catch (ErrnoException e) {
                    if (!session.isBroken() || tries == TRIES) {
                        throw e;
                    }
                }
            }
        } finally {
            end();
            lock.unlock();
        }
    }

    private static ForeignLock foreign(FileLockRange found) throws ErrnoException {
        if (found.type() == Protocol.LOCK_UNLOCK) {
            return null;
        }
        boolean isRange = found.start() >= 0 && found.lengthBytes() >= 0 && found.lengthBytes() <= Long.MAX_VALUE - found.start();
        if (found.type() > Protocol.LOCK_UNLOCK || !isRange) {
            throw Errno.EPROTO.error("no lock");
        }
        long end = found.lengthBytes() == 0 ? Long.MAX_VALUE : found.start() + found.lengthBytes() - 1;
        return new ForeignLock(found.type() == Protocol.LOCK_WRITE, found.start(), end, found.process() > 0 ? -found.process() : -1);
    }

    /** After a connection was lost and another one made: takes what is held anew. Somebody who is busy with these locks does so himself. */
    void retake() {
        if (lock.isHeldByCurrentThread() || !lock.tryLock()) {
            return;
        }
        try {
            if (!held.isEmpty() && !isLost) {
                reach();
            }
        } catch (ErrnoException e) {
            log.debug("locks were not taken anew: inode={} errno={}", inode.number(), e.errno());
        } finally {
            lock.unlock();
        }
    }
}
