package dev.caisson.vfs;

import static dev.caisson.abi.Errno.ETXTBSY;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;

/** Keeps programs that run from being written, and files that are written from being run: ETXTBSY. */
public final class Writers {
    /** Positive: writers. Negative: running programs. */
    private int count;

    private Writers() {}

    /**
     * The counter of a file.
     *
     * @param inode a regular file
     * @return its counter
     */
    public static Writers of(Inode inode) {
        return inode.attachment(Writers.class, Writers::new);
    }

    /**
     * Opens for writing.
     *
     * @throws ErrnoException ETXTBSY while the file runs
     */
    public synchronized void beginWrite() throws ErrnoException {
        if (count < 0) {
            throw ETXTBSY.error();
        }
        count++;
    }

    /** {@return whether somebody has it open for writing} */
    synchronized boolean isOpenForWriting() {
        return count > 0;
    }

    /** Ends what {@link #beginWrite} began. */
    public synchronized void endWrite() {
        count--;
    }

    /**
     * Starts to run the file.
     *
     * @throws ErrnoException ETXTBSY while it is open for writing
     */
    public synchronized void beginRun() throws ErrnoException {
        if (count > 0) {
            throw ETXTBSY.error();
        }
        count--;
    }

    /** The program no longer runs. */
    public synchronized void endRun() {
        count++;
    }

    /**
     * Checks that nobody runs it, for truncate(2).
     *
     * @throws ErrnoException ETXTBSY
     */
    public synchronized void checkNotRunning() throws ErrnoException {
        if (count < 0) {
            throw ETXTBSY.error();
        }
    }
}
