package dev.caisson.fs.proc;

import dev.caisson.abi.Stat;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import java.util.ArrayList;
import java.util.List;

/** /proc/PID: the files of the leading thread, and one directory per thread below task/. */
final class ProcessDirectory extends OwnedDirectory {
    private final GuestProcess process;

    ProcessDirectory(FileSystem fileSystem, GuestProcess process) {
        super(fileSystem, 0555, ProcNames.inode(process.pid(), 0), process.leader());
        this.process = process;
        // pidfd_send_signal(2) takes a descriptor of this directory, too.
        attachment(GuestProcess.class, () -> process);
        ThreadFiles.addTo(this, process, process.leader(), true);
        add("task", Threads::new);
    }

    @Override
    protected int links() {
        return 9;
    }

    /** /proc/PID/task. */
    private final class Threads extends PseudoDirectory {
        Threads() {
            super(ProcessDirectory.this.fileSystem(), 0555, ProcNames.inode(process.pid(), 1));
        }

        @Override
        protected int links() {
            return 2 + process.threadCount();
        }

        @Override
        protected Inode lookupDynamic(String name) {
            int tid = ProcNames.number(name);
            for (Task task : process.tasks()) {
                if (task.tid() == tid) {
                    return new ThreadDirectory(fileSystem(), task);
                }
            }
            return null;
        }

        @Override
        protected List<DynamicEntry> listDynamic() {
            List<DynamicEntry> entries = new ArrayList<>();
            for (Task task : process.tasks()) {
                entries.add(new DynamicEntry(task.tid(), Integer.toString(task.tid()), ProcNames.inode(task.tid(), 2), Stat.S_IFDIR | 0555));
            }
            entries.sort((a, b) -> Long.compare(a.key(), b.key()));
            return entries;
        }
    }

    /** /proc/PID/task/TID. */
    private static final class ThreadDirectory extends OwnedDirectory {
        ThreadDirectory(FileSystem fileSystem, Task task) {
            super(fileSystem, 0555, ProcNames.inode(task.tid(), 2), task);
            ThreadFiles.addTo(this, task.process(), task, false);
        }
    }
}
