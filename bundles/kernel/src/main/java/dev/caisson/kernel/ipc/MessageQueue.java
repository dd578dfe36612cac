package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.ENOMSG;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;
import static dev.caisson.abi.Ipc.IPC_NOWAIT;
import static dev.caisson.abi.Ipc.MSG_COPY;
import static dev.caisson.abi.Ipc.MSG_EXCEPT;
import static dev.caisson.abi.Ipc.MSG_NOERROR;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.MessageQueueStatus;
import dev.caisson.abi.Poll;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.WaitQueue;
import java.util.LinkedList;
import java.util.List;

/** A System V message queue. */
public final class MessageQueue extends IpcObject {
    /**
     * A message.
     *
     * @param type positive
     * @param data never written to
     */
    public record Message(long type, byte[] data) {}

    private final WaitQueue waiting = new WaitQueue();
    private final IpcLimits limits;
    /** All guarded by {@link #lock}. */
    private final List<Message> messages = new LinkedList<>();
    private long bytes;
    private long limitBytes;
    private long sendSeconds;
    private long receiveSeconds;
    private int senderPid;
    private int receiverPid;

    MessageQueue(IpcTable.Slot slot, int mode, Credentials credentials, IpcLimits limits) {
        super(slot, mode, credentials);
        this.limits = limits;
        this.limitBytes = limits.get(IpcLimits.Limit.MSGMNB);
    }

    void send(Message message, int flags, Credentials credentials, int pid, Blocker blocker) throws ErrnoException {
        checkAccess(0222, credentials);
        waiting.add(blocker.waiter(), Poll.POLLOUT);
        try {
            while (!trySend(message, pid)) {
                if ((flags & IPC_NOWAIT) != 0) {
                    throw EAGAIN.error();
                }
                block(blocker);
                checkAccess(0222, credentials);
            }
        } finally {
            waiting.remove(blocker.waiter());
        }
        waiting.notify(Poll.POLLIN);
    }

    private boolean trySend(Message message, int pid) throws ErrnoException {
        lock.lock();
        try {
            checkAliveLocked();
            if (message.data().length + bytes > limitBytes || messages.size() + 1 > limitBytes) {
                return false;
            }
            messages.add(message);
            bytes += message.data().length;
            senderPid = pid;
            sendSeconds = nowSeconds();
            return true;
        } finally {
            lock.unlock();
        }
    }

    Message receive(long type, long maxBytes, int flags, Credentials credentials, int pid, Blocker blocker) throws ErrnoException {
        checkAccess(0444, credentials);
        waiting.add(blocker.waiter(), Poll.POLLIN);
        Message message;
        try {
            while ((message = tryReceive(type, maxBytes, flags, pid)) == null) {
                if ((flags & IPC_NOWAIT) != 0) {
                    throw ENOMSG.error();
                }
                block(blocker);
                checkAccess(0444, credentials);
            }
        } finally {
            waiting.remove(blocker.waiter());
        }
        waiting.notify(Poll.POLLOUT);
        return message;
    }

    private static void block(Blocker blocker) throws ErrnoException {
        try {
            blocker.block(Blocker.FOREVER);
        } catch (ErrnoException interrupted) {
            throw ERESTARTNOHAND.error();
        }
    }

    private Message tryReceive(long type, long maxBytes, int flags, int pid) throws ErrnoException {
        lock.lock();
        try {
            checkAliveLocked();
            Message found = findLocked(type, flags);
            if (found == null) {
                return null;
            }
            if (maxBytes < found.data().length && (flags & MSG_NOERROR) == 0) {
                throw E2BIG.error();
            }
            if ((flags & MSG_COPY) == 0) {
                messages.remove(found);
                bytes -= found.data().length;
                receiverPid = pid;
                receiveSeconds = nowSeconds();
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    private Message findLocked(long type, int flags) {
        if ((flags & MSG_COPY) != 0) {
            return type >= 0 && type < messages.size() ? messages.get((int) type) : null;
        }
        if (type < 0) {
            long most = type == Long.MIN_VALUE ? Long.MAX_VALUE : -type;
            Message lowest = null;
            for (Message message : messages) {
                if (message.type() <= most && (lowest == null || message.type() < lowest.type())) {
                    lowest = message;
                }
            }
            return lowest;
        }
        boolean except = (flags & MSG_EXCEPT) != 0;
        for (Message message : messages) {
            if (type == 0 || message.type() == type != except) {
                return message;
            }
        }
        return null;
    }

    void changeLimit(long wanted, Credentials credentials) throws ErrnoException {
        if (wanted > limits.get(IpcLimits.Limit.MSGMNB) && !credentials.has(Capability.CAP_SYS_RESOURCE)) {
            throw Errno.EPERM.error();
        }
        lock.lock();
        try {
            limitBytes = wanted;
        } finally {
            lock.unlock();
        }
        waiting.notify(Poll.POLLOUT | Poll.POLLIN);
    }

    void destroy() {
        lock.lock();
        try {
            markRemoved();
            messages.clear();
            bytes = 0;
        } finally {
            lock.unlock();
        }
        waiting.notify(Poll.POLLOUT | Poll.POLLIN);
    }

    /** {@return what IPC_STAT tells} */
    public MessageQueueStatus status() {
        lock.lock();
        try {
            return new MessageQueueStatus(permissions(), sendSeconds, receiveSeconds, changeSeconds(), bytes, messages.size(), limitBytes,
                    senderPid, receiverPid);
        } finally {
            lock.unlock();
        }
    }
}
