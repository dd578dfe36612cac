package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EBUSY;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.wait.WaitQueue;
import java.util.ArrayDeque;
import java.util.TreeMap;

/** A POSIX message queue: messages by priority, then by age. */
public final class PosixQueue {
    /**
     * A message.
     *
     * @param priority 0 to 32767
     * @param data never written to
     * @param pid the sender's
     * @param uid the sender's
     */
    public record Message(int priority, byte[] data, int pid, int uid) {}

    /** Is told once that a message came into an empty queue, mq_notify(3). */
    @FunctionalInterface
    public interface Notification {
        /**
         * A message came. Called without the queue's lock.
         *
         * @param message the message
         */
        void arrived(Message message);

        /** The registration was taken back before a message came. Called without the queue's lock. */
        default void removed() {}
    }

    private final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    final WaitQueue waiting = new WaitQueue();
    final long maxMessages;
    final long maxBytes;
    final int mode;
    final int uid;
    final int gid;
    /** All guarded by {@link #lock}. */
    private final TreeMap<Integer, ArrayDeque<Message>> messages = new TreeMap<>();
    private int count;
    private long bytes;
    private int receivers;
    private Object notified;
    private Notification notification;

    PosixQueue(long maxMessages, long maxBytes, int mode, Credentials owner) {
        this.maxMessages = maxMessages;
        this.maxBytes = maxBytes;
        this.mode = mode;
        this.uid = owner.fsuid();
        this.gid = owner.fsgid();
    }

    /** {@return most messages} */
    public long maxMessages() {
        return maxMessages;
    }

    /** {@return most bytes of a message} */
    public long maxMessageBytes() {
        return maxBytes;
    }

    /** {@return messages in the queue} */
    public int count() {
        lock.lock();
        try {
            return count;
        } finally {
            lock.unlock();
        }
    }

    /** {@return bytes in the queue} */
    public long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Puts a message in.
     *
     * @param message at most {@link #maxMessageBytes} long
     * @return false when the queue is full
     */
    public boolean offer(Message message) {
        Notification told = null;
        lock.lock();
        try {
            if (count >= maxMessages) {
                return false;
            }
            if (count == 0 && notified != null && receivers == 0) {
                told = notification;
                notified = null;
                notification = null;
            }
            messages.computeIfAbsent(message.priority(), key -> new ArrayDeque<>()).add(message);
            count++;
            bytes += message.data().length;
        } finally {
            lock.unlock();
        }
        waiting.notify(Poll.POLLIN | Poll.POLLRDNORM);
        if (told != null) {
            told.arrived(message);
        }
        return true;
    }

    /** {@return the oldest message of the highest priority, taken out; null when there is none} */
    public Message poll() {
        Message message;
        lock.lock();
        try {
            var highest = messages.lastEntry();
            if (highest == null) {
                return null;
            }
            message = highest.getValue().poll();
            if (highest.getValue().isEmpty()) {
                messages.remove(highest.getKey());
            }
            count--;
            bytes -= message.data().length;
        } finally {
            lock.unlock();
        }
        waiting.notify(Poll.POLLOUT | Poll.POLLWRNORM);
        return message;
    }

    /**
     * A receiver begins or ends to wait: while one does, nobody is notified.
     *
     * @param change 1 or -1
     */
    public void receiving(int change) {
        lock.lock();
        try {
            receivers += change;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Registers a process for one notification.
     *
     * @param who the process
     * @param how tells it
     * @throws ErrnoException EBUSY when another one is registered
     */
    public void register(Object who, Notification how) throws ErrnoException {
        lock.lock();
        try {
            if (notified != null) {
                throw EBUSY.error();
            }
            notified = who;
            notification = how;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes a registration back.
     *
     * @param who the process; another one's registration stays
     */
    public void unregister(Object who) {
        Notification removed;
        lock.lock();
        try {
            if (notified != who) {
                return;
            }
            removed = notification;
            notified = null;
            notification = null;
        } finally {
            lock.unlock();
        }
        removed.removed();
    }
}
