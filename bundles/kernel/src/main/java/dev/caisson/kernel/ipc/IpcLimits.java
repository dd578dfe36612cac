package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicLongArray;

/** The limits of one namespace's System V objects and POSIX queues, as /proc/sys/kernel and /proc/sys/fs/mqueue show and change them. Safe for use by many tasks. */
public final class IpcLimits {
    /** One setting. */
    public enum Limit {
        /** Most bytes of a segment, unsigned. */
        SHMMAX(-1L - (1L << 24), -1L),
        /** Most pages of all segments, unsigned. */
        SHMALL(-1L - (1L << 24), -1L),
        /** Most segments. */
        SHMMNI(4096, 32768),
        /**
         * Whether a segment goes with its last attachment, removed or not. Deviation: one that was never attached stays when its creator ends.
         */
        SHM_RMID_FORCED(0, 1),
        /** Most bytes of a message. */
        MSGMAX(8192, Integer.MAX_VALUE),
        /** Most bytes of a new queue. */
        MSGMNB(16384, Integer.MAX_VALUE),
        /** Most queues. */
        MSGMNI(32000, 32768),
        /** Most semaphores of a set. */
        SEMMSL(32000, 65536),
        /** Most semaphores of all sets. */
        SEMMNS(1_024_000_000, Integer.MAX_VALUE),
        /** Most operations of a semop(2). */
        SEMOPM(500, 65536),
        /** Most sets. */
        SEMMNI(32000, 32768),
        /** Most POSIX queues. */
        MQ_QUEUES_MAX(256, Integer.MAX_VALUE),
        /** Most messages of a POSIX queue of an unprivileged user's. */
        MQ_MSG_MAX(10, 1, 65536),
        /** Most bytes of a message there. */
        MQ_MSGSIZE_MAX(8192, 128, 16 << 20),
        /** Messages of a POSIX queue that is made without attributes. */
        MQ_MSG_DEFAULT(10, 1, 65536),
        /** Bytes of a message there. */
        MQ_MSGSIZE_DEFAULT(8192, 128, 16 << 20);

        private final long usual;
        private final long least;
        private final long most;

        Limit(long usual, long most) {
            this(usual, 0, most);
        }

        Limit(long usual, long least, long most) {
            this.usual = usual;
            this.least = least;
            this.most = most;
        }
    }

    private final AtomicLongArray values = new AtomicLongArray(Limit.values().length);

    IpcLimits() {
        for (Limit limit : Limit.values()) {
            values.set(limit.ordinal(), limit.usual);
        }
    }

    /**
     * Reads a setting.
     *
     * @param limit which
     * @return its value, unsigned
     */
    public long get(Limit limit) {
        return values.get(limit.ordinal());
    }

    /** Reads a setting that fits an int. */
    public int intValue(Limit limit) {
        return (int) get(limit);
    }

    /**
     * Changes a setting. What is there already may exceed it.
     *
     * @param limit which
     * @param value the new value, unsigned
     * @throws ErrnoException EINVAL when it is out of range
     */
    public void set(Limit limit, long value) throws ErrnoException {
        if (Long.compareUnsigned(value, limit.most) > 0 || Long.compareUnsigned(value, limit.least) < 0) {
            throw EINVAL.error();
        }
        values.set(limit.ordinal(), value);
    }
}
