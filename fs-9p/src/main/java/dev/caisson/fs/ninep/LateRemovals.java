package dev.caisson.fs.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import java.util.ArrayDeque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Names of one directory whose removal the server was told of, and whose answers nobody has waited for: where nobody else changes the tree,
 * what the answer will be is known before. Whoever wants anything else of the directory waits for them first ({@link #settle}). When the
 * connection is lost before the answer came, the removal is made again. The monitor is a leaf.
 */
final class LateRemovals {
    private static final Logger log = LoggerFactory.getLogger(LateRemovals.class);

    private final NinepDirectory directory;
    private final ArrayDeque<Removal> removals = new ArrayDeque<>();
    /** Whether there are any; read without the lock. */
    private volatile boolean isEmpty = true;

    /** One name. */
    private static final class Removal implements Connection.Late {
        private final String name;
        private final Session session;
        /** The directory's fid, which must not become another one's before the server has used it. */
        private final Handle handle;
        private volatile boolean isAnswered;
        private volatile Errno error;

        Removal(String name, Handle handle) {
            this.name = name;
            this.handle = handle;
            this.session = handle.session;
        }

        @Override
        public void answered(Errno failure) {
            error = failure;
            isAnswered = true;
        }
    }

    LateRemovals(NinepDirectory directory) {
        this.directory = directory;
    }

    /**
     * Tells the server to remove a name, and does not wait.
     *
     * @param name of a file that is no directory
     * @return false when that cannot be now: too much is unanswered already, say
     * @throws ErrnoException when the directory cannot be reached
     */
    boolean remove(String name) throws ErrnoException {
        Handle handle = directory.reach();
        Removal removal = new Removal(name, handle);
        finishAnswered();
        synchronized (this) {
            isEmpty = false;
            removals.add(removal); // before it is sent: whoever comes now waits for it
        }
        boolean isSent = false;
        try {
            isSent = handle.session.unlinkLate(handle.fid, name, removal);
        } finally {
            if (!isSent) {
                synchronized (this) {
                    removals.remove(removal);
                    isEmpty = removals.isEmpty();
                }
                directory.ninep().fids().release(handle);
            }
        }
        return isSent;
    }

    /**
     * Waits until all is answered. What fails is told to the log, and to who next syncs the filesystem.
     *
     * @return whether there was anything to wait for
     * @throws ErrnoException ERESTARTSYS when the caller is killed meanwhile, EIO when there is no server any more
     */
    boolean settle() throws ErrnoException {
        boolean hadAny = false;
        while (!isEmpty) {
            hadAny = true;
            Removal first = finishAnswered();
            if (first == null) {
                break;
            }
            if (first.session.isBroken()) {
                again(first);
            } else {
                first.session.await(() -> first.isAnswered);
            }
        }
        return hadAny;
    }

    /** {@return whether something may be unanswered} */
    boolean hasAny() {
        return !isEmpty;
    }

    /** Takes those away that are answered; the first one of the others, or null. */
    private Removal finishAnswered() {
        while (true) {
            Removal first;
            synchronized (this) {
                first = removals.peek();
                if (first == null || !first.isAnswered) {
                    isEmpty = first == null;
                    return first;
                }
                removals.poll();
            }
            directory.ninep().fids().release(first.handle);
            if (first.error != null && first.error != Errno.ENOENT) {
                failed(first.name, first.error);
            }
        }
    }

    /** Nobody knows whether it was made. */
    private void again(Removal removal) throws ErrnoException {
        Errno error = null;
        try {
            directory.askNow(true, (session, fid) -> {
                session.unlink(fid, removal.name, 0);
                return null;
            });
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ERESTARTSYS || e.errno() == Errno.EIO) {
                throw e; // it stays to be done
            }
            error = e.errno();
        }
        removal.answered(error); // by two at once, the second one has found nothing
    }

    private void failed(String name, Errno error) {
        log.error("a name could not be removed that programs take for removed: directory={} name={} errno={}", directory.number(), name, error);
        directory.reappears(name);
        directory.ninep().lateError(error);
    }
}
