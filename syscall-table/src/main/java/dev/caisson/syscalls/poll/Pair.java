package dev.caisson.syscalls.poll;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;

/** Gives the guest two descriptors at once, for pipe(2) and socketpair(2). */
public final class Pair {
    private Pair() {}

    /**
     * Installs both or none.
     *
     * @param task the caller
     * @param first gets the lower descriptor
     * @param second gets the other one
     * @param cloexec whether execve(2) closes them
     * @param address where the two ints go
     * @throws ErrnoException EMFILE, EFAULT; both descriptions are then released
     */
    public static void install(Task task, FileDescription first, FileDescription second, boolean cloexec, long address)
            throws ErrnoException {
        FdTable table = task.fds();
        int one = -1;
        int other = -1;
        try {
            one = table.reserve(cloexec);
            other = table.reserve(cloexec);
            task.memory().writeLong(address, Integer.toUnsignedLong(one) | (long) other << 32);
        } catch (ErrnoException failure) {
            if (one >= 0) {
                table.unreserve(one);
            }
            if (other >= 0) {
                table.unreserve(other);
            }
            first.release();
            second.release();
            throw failure;
        }
        table.fill(one, first);
        table.fill(other, second);
    }
}
