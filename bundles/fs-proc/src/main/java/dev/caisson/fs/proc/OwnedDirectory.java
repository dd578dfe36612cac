package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFile;

/**
 * A directory about one thread. It and its files belong to the thread's effective user; those of a thread that is not dumpable belong to root, as
 * proc(5) says.
 */
class OwnedDirectory extends PseudoDirectory {
    private final Task task;

    OwnedDirectory(FileSystem fileSystem, int permissions, long number, Task task) {
        super(fileSystem, permissions, number);
        this.task = task;
    }

    @Override
    protected boolean isGone() {
        return task.process().isReaped();
    }

    /** {@return the thread it is about} */
    final Task task() {
        return task;
    }

    static int uid(Task task) {
        return PtraceAccess.isDumpable(task) ? task.credentials().euid() : 0;
    }

    static int gid(Task task) {
        return PtraceAccess.isDumpable(task) ? task.credentials().egid() : 0;
    }

    @Override
    public int uid() {
        return uid(task);
    }

    @Override
    public int gid() {
        return gid(task);
    }

    /** Adds a file that belongs to the thread's user. */
    final void owned(String name, int permissions, PseudoFile.Content content) {
        owned(name, permissions, content, null);
    }

    /** Adds a file that belongs to the thread's user and can be written. */
    final void owned(String name, int permissions, PseudoFile.Content content, PseudoFile.Setter setter) {
        add(name, () -> new OwnedFile(fileSystem(), permissions, task, content, setter));
    }

    /** Adds a file that only who may trace the thread can open, whatever its permissions. */
    final void inspected(String name, PseudoFile.Content content) {
        add(name, () -> new OwnedFile(fileSystem(), 0444, task, content, null) {
            @Override
            public OpenFile open(int flags) throws ErrnoException {
                ProcLink.checkMayInspect(task, Callers.current().credentials());
                return super.open(flags);
            }
        });
    }

    private static class OwnedFile extends PseudoFile {
        private final Task task;

        OwnedFile(FileSystem fileSystem, int permissions, Task task, Content content, Setter setter) {
            super(fileSystem, permissions, () -> {
                if (task.process().isReaped()) {
                    throw ESRCH.error();
                }
                return content.text();
            }, setter);
            this.task = task;
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

    /** Adds a link that leads to an object. */
    final void magic(String name, ProcLink.Target target) {
        add(name, () -> (Inode) new ProcLink(fileSystem(), 0777, task, target));
    }
}
