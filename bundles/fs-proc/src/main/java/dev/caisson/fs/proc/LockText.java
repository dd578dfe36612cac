package dev.caisson.fs.proc;

import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileLocks;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** /proc/locks: the locks of all files that some process has open. */
final class LockText {
    private LockText() {}

    static String all(Kernel kernel) {
        StringBuilder text = new StringBuilder();
        Set<FileLocks> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        int[] number = {1};
        for (GuestProcess process : kernel.rootPids().processes()) {
            for (Task task : process.tasks()) {
                FdTable table = task.fds();
                if (table == null) {
                    continue;
                }
                for (int fd : table.descriptors()) {
                    FileDescription description = table.peek(fd);
                    FileLocks locks = description == null ? null : description.inode().attachment(FileLocks.class, null);
                    if (locks != null && seen.add(locks)) {
                        add(text, number, locks, description.inode());
                    }
                }
            }
        }
        return text.toString();
    }

    private static void add(StringBuilder text, int[] number, FileLocks locks, Inode inode) {
        for (FileLocks.Whole whole : locks.wholes()) {
            text.append(line(number[0]++, "FLOCK ", whole.exclusive(), whole.pid(), inode, 0, FileLocks.TO_END));
        }
        for (FileLocks.Range range : locks.ranges()) {
            text.append(line(number[0]++, range.owner() instanceof FileDescription ? "OFDLCK" : "POSIX ", range.exclusive(), range.pid(),
                    inode, range.start(), range.end()));
        }
    }

    /** One lock, with a line end. */
    static String line(int number, String kind, boolean exclusive, int pid, Inode inode, long start, long end) {
        long device = inode.fileSystem().deviceId();
        return String.format("%d: %s ADVISORY  %s %d %02x:%02x:%d %d %s\n", number, kind, exclusive ? "WRITE" : "READ ", pid,
                DeviceNumbers.major(device), DeviceNumbers.minor(device), inode.number(), start,
                end == FileLocks.TO_END ? "EOF" : Long.toString(end));
    }
}
