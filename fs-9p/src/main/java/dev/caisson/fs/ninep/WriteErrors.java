package dev.caisson.fs.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;

/**
 * Errors of writing back, as Linux's errseq_t keeps them: each open file is told of the last one once, and whoever opens the file while
 * nobody has been told yet is told as well.
 */
final class WriteErrors {
    private int count;
    private boolean isSeen = true;
    private Errno last;

    /** Writing back has failed. */
    synchronized void add(Errno errno) {
        last = errno;
        if (isSeen) {
            count++;
            isSeen = false;
        }
    }

    /** {@return from where an open file that begins now is told} */
    synchronized int sample() {
        return isSeen ? count : count - 1;
    }

    /**
     * Tells of what has happened since.
     *
     * @param since an earlier sample
     * @return the sample to go on with; another one when there is something to tell, which is {@link #error}
     */
    synchronized int advance(int since) {
        if (since == count) {
            return since;
        }
        isSeen = true;
        return count;
    }

    /** {@return the last error} */
    synchronized ErrnoException error() {
        return last.error("what was written earlier could not be stored");
    }
}
