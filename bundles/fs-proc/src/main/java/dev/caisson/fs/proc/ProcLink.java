package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.MagicLink;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.Location;

/** exe, cwd, root, fd/N: links that lead to a location wherever it is, and read as its path. */
final class ProcLink extends TaskInode implements MagicLink {
    /** Where a link leads now. */
    @FunctionalInterface
    interface Target {
        /** {@return the location, or null when there is none now} */
        Location location() throws ErrnoException;
    }

    private final Target target;

    ProcLink(FileSystem fileSystem, int permissions, Task task, Target target) {
        super(fileSystem, Stat.S_IFLNK | permissions, task);
        this.target = target;
    }

    @Override
    public boolean isMagicLink() {
        return true;
    }

    @Override
    public Object follow(Credentials credentials) throws ErrnoException {
        checkMayInspect(task(), credentials);
        return found();
    }

    @Override
    public String readLink() throws ErrnoException {
        Task caller = Callers.current();
        checkMayInspect(task(), caller.credentials());
        return ProcPaths.of(found(), caller);
    }

    private Location found() throws ErrnoException {
        Location location = target.location();
        if (location == null) {
            throw ENOENT.error();
        }
        return location;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        throw ELOOP.error();
    }

    /** What proc(5) says about files that need PTRACE_MODE_READ_FSCREDS or PTRACE_MODE_ATTACH_FSCREDS. */
    static void checkMayInspect(Task task, Credentials caller) throws ErrnoException {
        if (!PtraceAccess.FILE_SYSTEM_IDS.allows(Callers.currentOrNull(), caller, task)) {
            throw EACCES.error("not the process' user");
        }
    }
}
