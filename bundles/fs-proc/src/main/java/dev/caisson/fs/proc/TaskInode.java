package dev.caisson.fs.proc;

import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.pseudo.PseudoInode;

/** A file about one thread; it belongs to the thread's user. */
abstract class TaskInode extends PseudoInode {
    private final Task task;

    TaskInode(FileSystem fileSystem, int mode, Task task) {
        super(fileSystem, mode);
        this.task = task;
    }

    /** {@return the thread it is about} */
    final Task task() {
        return task;
    }

    @Override
    public int uid() {
        return OwnedDirectory.uid(task);
    }

    @Override
    public int gid() {
        return OwnedDirectory.gid(task);
    }
}
