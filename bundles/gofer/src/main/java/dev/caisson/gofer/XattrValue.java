package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;

import dev.caisson.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicInteger;

/** The value of an extended attribute on its way: read once and handed out in pieces, or collected until Tclunk sets it. */
final class XattrValue {
    private final String name;
    private final int flags;
    private final byte[] value;
    private final boolean isWritten;
    private final Budget budget;
    /** Bytes collected so far. Guarded by this. */
    private int filled;

    /** Counts the bytes of all values of a connection. */
    static final class Budget {
        private final int most;
        private final AtomicInteger used = new AtomicInteger();

        Budget(int most) {
            this.most = most;
        }

        private byte[] allocate(int bytes) throws ErrnoException {
            if (used.addAndGet(bytes) > most) {
                used.addAndGet(-bytes);
                throw ENOMEM.error("values of extended attributes");
            }
            return new byte[bytes];
        }
    }

    private XattrValue(Budget budget, String name, int flags, int bytes, boolean isWritten) throws ErrnoException {
        this.budget = budget;
        this.name = name;
        this.flags = flags;
        this.value = budget.allocate(bytes);
        this.isWritten = isWritten;
    }

    /** A value that is read; whoever made it fills {@link #value} before anybody else sees it. */
    static XattrValue toRead(Budget budget, int bytes) throws ErrnoException {
        return new XattrValue(budget, "", 0, bytes, false);
    }

    static XattrValue toWrite(Budget budget, String name, int bytes, int flags) throws ErrnoException {
        return new XattrValue(budget, name, flags, bytes, true);
    }

    /** Gives the memory back; once. */
    void release() {
        budget.used.addAndGet(-value.length);
    }

    String name() {
        return name;
    }

    int flags() {
        return flags;
    }

    byte[] value() {
        return value;
    }

    boolean isWritten() {
        return isWritten;
    }

    /** {@return whether all of it came} */
    synchronized boolean isComplete() {
        return isWritten && filled == value.length;
    }

    /** Takes a piece; pieces come in order, from the start. */
    synchronized void write(long offset, byte[] piece) throws ErrnoException {
        if (!isWritten) {
            throw EBADF.error("an attribute that is read");
        }
        if (offset != filled || piece.length > value.length - filled) {
            throw EINVAL.error("beyond the attribute's size");
        }
        System.arraycopy(piece, 0, value, filled, piece.length);
        filled += piece.length;
    }

    /** How much of a piece there is. */
    int available(long offset, int count) throws ErrnoException {
        if (isWritten) {
            throw EBADF.error("an attribute that is written");
        }
        return offset < 0 || offset >= value.length ? 0 : (int) Math.min(count, value.length - offset);
    }
}
