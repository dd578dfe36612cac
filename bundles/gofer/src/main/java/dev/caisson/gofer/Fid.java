package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file as a client names it. It lives until it is clunked and no request uses it any more; closing one that was taken from the table is
 * the end of a use. The fields that opening changes are guarded by this; the descriptors that they lead to stay open while it is used.
 */
final class Fid implements AutoCloseable {
    private final Export export;
    private final Identity identity;
    private final AtomicInteger users = new AtomicInteger(1);
    private Handle handle;
    /** The file as it was before Tlcreate made this another one; somebody may use it still. */
    private Handle former;
    private Handle opened;
    private int flags;
    private boolean hasLocks;
    private XattrValue xattr;
    private DirectoryReader directory;

    /**
     * Makes a fid, with one user: the table that it is put in.
     *
     * @param export what it was attached to
     * @param identity as whom requests work, see {@link Identity#assume}
     * @param handle the file; the fid releases it
     */
    Fid(Export export, Identity identity, Handle handle) {
        this.export = export;
        this.identity = identity;
        this.handle = handle;
    }

    Export export() {
        return export;
    }

    Identity identity() {
        return identity;
    }

    /** {@return the file} */
    synchronized Handle handle() {
        return handle;
    }

    /** {@return whether it was opened} */
    synchronized boolean isOpen() {
        return opened != null || xattr != null;
    }

    /** {@return the open file} */
    synchronized Handle opened() throws ErrnoException {
        if (opened == null) {
            throw EBADF.error("a fid that is not open");
        }
        return opened;
    }

    synchronized int flags() {
        return flags;
    }

    /**
     * Makes it an open fid.
     *
     * @param open the open file; the fid releases it, or this does when it fails
     * @param openFlags with which
     * @param isAnother whether it is another file than the fid's until now: one that Tlcreate made
     * @throws ErrnoException EBADF when it is open
     */
    synchronized void open(Handle open, int openFlags, boolean isAnother) throws ErrnoException {
        if (isOpen()) {
            open.release();
            throw EBADF.error("a fid that is open");
        }
        opened = open;
        flags = openFlags;
        if (isAnother) {
            former = handle;
            handle = open.share();
        }
    }

    /** Makes it an extended attribute's; the fid releases the value, or this does when it fails. */
    synchronized void openXattr(XattrValue value) throws ErrnoException {
        if (isOpen()) {
            value.release();
            throw EBADF.error("a fid that is open");
        }
        xattr = value;
    }

    /** {@return the extended attribute, or null} */
    synchronized XattrValue xattr() {
        return xattr;
    }

    /** {@return what reads the directory} */
    synchronized DirectoryReader directory() throws ErrnoException {
        if (directory == null) {
            directory = new DirectoryReader(opened().fd());
        }
        return directory;
    }

    synchronized void locked() {
        hasLocks = true;
    }

    synchronized boolean hasLocks() {
        return hasLocks;
    }

    /** Fails what would change a read-only tree. */
    void checkWritable() throws ErrnoException {
        if (export.isReadOnly()) {
            throw EROFS.error("a read-only export");
        }
    }

    /** {@return whether there is one more user; not when the last one has gone} */
    boolean use() {
        int count = users.get();
        while (count > 0) {
            if (users.compareAndSet(count, count + 1)) {
                return true;
            }
            count = users.get();
        }
        return false;
    }

    @Override
    public void close() {
        if (users.decrementAndGet() == 0) {
            end();
        }
    }

    private synchronized void end() {
        handle.release();
        if (opened != null) {
            opened.release();
        }
        if (former != null) {
            former.release();
        }
        if (xattr != null) {
            xattr.release();
        }
    }
}
