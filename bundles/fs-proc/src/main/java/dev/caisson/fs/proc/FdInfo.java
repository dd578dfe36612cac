package dev.caisson.fs.proc;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.IntervalTime;
import dev.caisson.kernel.PidFile;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EpollFile;
import dev.caisson.kernel.event.EventFile;
import dev.caisson.kernel.event.InotifyFile;
import dev.caisson.kernel.signal.SignalFile;
import dev.caisson.kernel.time.TimerFile;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileLocks;

/** The text of /proc/PID/fdinfo/FD: what all files have, and what the kinds of file without a name have of their own. */
final class FdInfo {
    private FdInfo() {}

    static String of(Task task, FdTable table, FileDescription description, boolean closeOnExec) {
        int flags = description.flags() | (closeOnExec ? Fcntl.O_CLOEXEC : 0);
        StringBuilder text = new StringBuilder(160);
        text.append("pos:\t").append(description.offsetNow()).append("\nflags:\t0").append(Integer.toOctalString(flags))
                .append("\nmnt_id:\t").append(description.location().mount().id()).append("\nino:\t")
                .append(description.inode().number()).append('\n');
        locks(text, task, table, description);
        switch (description.file()) {
            case EventFile event -> text.append(String.format("eventfd-count: %16x\neventfd-id: %d\neventfd-semaphore: %d\n",
                    event.count(), event.id(), event.isSemaphore() ? 1 : 0));
            case EpollFile epoll -> epoll.watched().forEach(item -> text.append(String.format(
                    "tfd: %8d events: %8x data: %16x  pos:%d ino:%x sdev:%x\n", item.fd(), item.events(), item.data(),
                    item.description().offsetNow(), item.description().inode().number(),
                    item.description().inode().fileSystem().deviceId())));
            case InotifyFile inotify -> inotify.watched().forEach(watch -> text.append(String.format(
                    "inotify wd:%x ino:%x sdev:%x mask:%x ignored_mask:0 \n", watch.descriptor(), watch.inode().number(),
                    watch.inode().fileSystem().deviceId(), watch.mask())));
            case SignalFile signals -> text.append(String.format("sigmask:\t%016x\n", signals.set()));
            case TimerFile timer -> timer(text, timer);
            case PidFile pid -> {
                boolean gone = pid.process().isReaped();
                text.append("Pid:\t").append(gone ? -1 : pid.process().identity().in(task.pidNamespace())).append("\nNSpid:\t")
                        .append(gone ? "-1" : pid.process().identity().inEach(task.pidNamespace())).append('\n');
            }
            default -> { }
        }
        return text.toString();
    }

    private static void timer(StringBuilder text, TimerFile timer) {
        IntervalTime time = timer.get();
        text.append("clockid: ").append(timer.clock()).append("\nticks: ").append(timer.readiness(1) != 0 ? 1 : 0)
                .append("\nsettime flags: 0").append(timer.isAbsolute() ? 1 : 0)
                .append("\nit_value: (").append(time.value().seconds()).append(", ").append(time.value().nanoseconds())
                .append(")\nit_interval: (").append(time.interval().seconds()).append(", ").append(time.interval().nanoseconds())
                .append(")\n");
    }

    /** The locks that this description holds; those of processes are shown with every description of the file. */
    private static void locks(StringBuilder text, Task task, FdTable table, FileDescription description) {
        FileLocks locks = description.isPath() ? null : description.inode().attachment(FileLocks.class, null);
        if (locks == null) {
            return;
        }
        int number = 1;
        for (FileLocks.Whole whole : locks.wholes()) {
            if (whole.owner() == description) {
                text.append("lock:\t").append(LockText.line(number++, "FLOCK ", whole.exclusive(), whole.pid(), description.inode(), 0,
                        FileLocks.TO_END));
            }
        }
        for (FileLocks.Range range : locks.ranges()) {
            if (range.owner() == description || range.owner() == table) {
                text.append("lock:\t").append(LockText.line(number++, range.owner() == table ? "POSIX " : "OFDLCK", range.exclusive(),
                        range.pid(), description.inode(), range.start(), range.end()));
            }
        }
    }
}
