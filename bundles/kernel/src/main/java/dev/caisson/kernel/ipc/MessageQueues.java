package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.MessageQueueStatus;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;

/** System V message queues of one namespace: msgget(2), msgop(2), msgctl(2). */
public final class MessageQueues {
    private final IpcLimits limits;
    private final IpcTable<MessageQueue> table;

    MessageQueues(IpcLimits limits) {
        this.limits = limits;
        this.table = new IpcTable<>(() -> limits.intValue(IpcLimits.Limit.MSGMNI));
    }

    /** {@return all queues} */
    public IpcTable<MessageQueue> table() {
        return table;
    }

    /**
     * msgget(2).
     *
     * @param key key
     * @param flags IPC_*, permission bits
     * @param credentials who asks
     * @return the identifier
     * @throws ErrnoException EACCES, EEXIST, ENOENT, ENOSPC
     */
    public int get(int key, int flags, Credentials credentials) throws ErrnoException {
        return table.get(key, flags, credentials, found -> {}, slot -> new MessageQueue(slot, flags, credentials, limits)).id();
    }

    /**
     * msgsnd(2).
     *
     * @param id identifier
     * @param type type of the message
     * @param data the message
     * @param flags IPC_NOWAIT
     * @param credentials who asks
     * @param pid its process id
     * @param blocker waits
     * @throws ErrnoException EACCES, EAGAIN, EIDRM, EINVAL, ERESTARTNOHAND
     */
    public void send(int id, long type, byte[] data, int flags, Credentials credentials, int pid, Blocker blocker) throws ErrnoException {
        if (type < 1) {
            throw EINVAL.error();
        }
        table.find(id).send(new MessageQueue.Message(type, data), flags, credentials, pid, blocker);
    }

    /**
     * msgrcv(2).
     *
     * @param id identifier
     * @param type which message
     * @param maxBytes room
     * @param flags IPC_NOWAIT, MSG_NOERROR, MSG_EXCEPT, MSG_COPY
     * @param credentials who asks
     * @param pid its process id
     * @param blocker waits
     * @return the message; with MSG_NOERROR the caller cuts it
     * @throws ErrnoException E2BIG, EACCES, EIDRM, EINVAL, ENOMSG, ERESTARTNOHAND
     */
    public MessageQueue.Message receive(int id, long type, long maxBytes, int flags, Credentials credentials, int pid, Blocker blocker)
            throws ErrnoException {
        return table.find(id).receive(type, maxBytes, flags, credentials, pid, blocker);
    }

    /**
     * Finds a queue for a command of msgctl(2).
     *
     * @param id identifier, or slot number
     * @param bySlot MSG_STAT
     * @param access permission bits that are needed; 0 for none
     * @param credentials who asks
     * @return the queue
     * @throws ErrnoException EINVAL, EIDRM, EACCES
     */
    public MessageQueue find(int id, boolean bySlot, int access, Credentials credentials) throws ErrnoException {
        MessageQueue queue = bySlot ? table.findSlot(id) : table.find(id);
        if (access != 0) {
            queue.checkAccess(access, credentials);
        }
        return queue;
    }

    /**
     * IPC_SET.
     *
     * @param id identifier
     * @param wanted owner and mode
     * @param limitBytes msg_qbytes
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void change(int id, IpcPermissions wanted, long limitBytes, Credentials credentials) throws ErrnoException {
        MessageQueue queue = table.find(id);
        queue.checkOwner(credentials);
        queue.changeLimit(limitBytes, credentials);
        queue.changeOwner(wanted);
    }

    /**
     * IPC_RMID.
     *
     * @param id identifier
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void remove(int id, Credentials credentials) throws ErrnoException {
        MessageQueue queue = table.find(id);
        queue.checkOwner(credentials);
        table.remove(queue);
        queue.destroy();
    }

    /** {@return messages in all queues} */
    public int totalMessages() {
        return table.all().stream().map(MessageQueue::status).mapToInt(status -> (int) status.count()).sum();
    }

    /** {@return bytes in all queues} */
    public int totalBytes() {
        return table.all().stream().map(MessageQueue::status).mapToInt((MessageQueueStatus status) -> (int) status.bytes()).sum();
    }

    /** {@return how many queues there are} */
    public int used() {
        return table.used();
    }

    /** {@return the highest slot number in use} */
    public int highestSlot() {
        return table.highestSlot();
    }
}
