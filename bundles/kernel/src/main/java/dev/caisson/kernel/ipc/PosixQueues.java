package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.ipc.IpcLimits.Limit;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.ModeBits;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The POSIX message queues of one namespace, by name. Guarded by its monitor, a leaf. */
public final class PosixQueues {
    private static final long HARD_MAX_MESSAGES = 65536;
    private static final long HARD_MAX_MESSAGE_BYTES = 16 << 20;

    private final Map<String, PosixQueue> queues = new HashMap<>();
    private final IpcLimits limits;

    PosixQueues(IpcLimits limits) {
        this.limits = limits;
    }

    /**
     * mq_open(2).
     *
     * @param name without its slash
     * @param flags {@code O_*}
     * @param mode permission bits for a new queue, umask applied
     * @param attributes {@code mq_maxmsg} and {@code mq_msgsize} for a new queue, or null
     * @param credentials who asks
     * @return the queue
     * @throws ErrnoException EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, ENAMETOOLONG
     */
    public synchronized PosixQueue open(String name, int flags, int mode, long[] attributes, Credentials credentials)
            throws ErrnoException {
        checkName(name);
        PosixQueue queue = queues.get(name);
        if (queue != null) {
            if ((flags & (Fcntl.O_CREAT | Fcntl.O_EXCL)) == (Fcntl.O_CREAT | Fcntl.O_EXCL)) {
                throw EEXIST.error();
            }
            int access = flags & Fcntl.O_ACCMODE;
            if (access == Fcntl.O_ACCMODE) {
                throw EINVAL.error();
            }
            int wanted = access == Fcntl.O_RDONLY ? Fcntl.R_OK : access == Fcntl.O_WRONLY ? Fcntl.W_OK : Fcntl.R_OK | Fcntl.W_OK;
            ModeBits.check(queue.mode, queue.uid, queue.gid, wanted, credentials);
            return queue;
        }
        if ((flags & Fcntl.O_CREAT) == 0) {
            throw ENOENT.error();
        }
        boolean privileged = credentials.has(Capability.CAP_SYS_RESOURCE);
        long messages = Math.min(limits.get(Limit.MQ_MSG_MAX), limits.get(Limit.MQ_MSG_DEFAULT));
        long bytes = Math.min(limits.get(Limit.MQ_MSGSIZE_MAX), limits.get(Limit.MQ_MSGSIZE_DEFAULT));
        if (attributes != null) {
            messages = attributes[0];
            bytes = attributes[1];
            if (messages <= 0 || bytes <= 0 || messages > (privileged ? HARD_MAX_MESSAGES : limits.get(Limit.MQ_MSG_MAX))
                    || bytes > (privileged ? HARD_MAX_MESSAGE_BYTES : limits.get(Limit.MQ_MSGSIZE_MAX))) {
                throw EINVAL.error();
            }
        }
        if (queues.size() >= limits.get(Limit.MQ_QUEUES_MAX) && !privileged) {
            throw ENOSPC.error();
        }
        queue = new PosixQueue(messages, bytes, mode & 07777, credentials);
        queues.put(name, queue);
        return queue;
    }

    /**
     * mq_unlink(2). Who has it open keeps it.
     *
     * @param name without its slash
     * @param credentials who asks
     * @throws ErrnoException EPERM, EACCES, ENOENT, ENAMETOOLONG
     */
    public synchronized void unlink(String name, Credentials credentials) throws ErrnoException {
        checkName(name);
        PosixQueue queue = queues.get(name);
        if (queue == null) {
            throw ENOENT.error();
        }
        // The directory of the queues is sticky and belongs to root.
        if (credentials.fsuid() != queue.uid && credentials.fsuid() != 0 && !credentials.has(Capability.CAP_FOWNER)) {
            throw EPERM.error();
        }
        queues.remove(name);
    }

    /** {@return the queue of a name, or null} */
    synchronized PosixQueue find(String name) {
        return queues.get(name);
    }

    /** {@return all names, sorted} */
    synchronized List<String> names() {
        return queues.keySet().stream().sorted().toList();
    }

    private static void checkName(String name) throws ErrnoException {
        if (name.isEmpty()) {
            throw ENOENT.error();
        }
        if (name.length() > 255) {
            throw ENAMETOOLONG.error();
        }
        if (name.indexOf('/') >= 0 || name.equals(".") || name.equals("..")) {
            throw EACCES.error();
        }
    }
}
