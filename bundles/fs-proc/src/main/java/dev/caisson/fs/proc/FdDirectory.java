package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.pseudo.PseudoFile;
import java.util.ArrayList;
import java.util.List;

/** /proc/PID/fd, and fdinfo with the same names. */
final class FdDirectory extends OwnedDirectory {
    private final boolean info;

    FdDirectory(FileSystem fileSystem, long number, Task task, boolean info) {
        super(fileSystem, info ? 0555 : 0500, number, task);
        this.info = info;
    }

    @Override
    protected Inode lookupDynamic(String name) throws ErrnoException {
        int fd = ProcNames.number(name);
        FdTable table = task().fds();
        FileDescription description = fd < 0 || table == null ? null : table.peek(fd);
        if (description == null) {
            return null;
        }
        ProcLink.checkMayInspect(task(), Callers.current().credentials());
        if (info) {
            return new PseudoFile(fileSystem(), 0444, () -> describe(fd));
        }
        int permissions = (description.isReadable() ? 0500 : 0) | (description.isWritable() ? 0300 : 0);
        return new ProcLink(fileSystem(), permissions == 0 ? 0 : permissions, task(), () -> {
            FdTable now = task().fds();
            FileDescription open = now == null ? null : now.peek(fd);
            return open == null ? null : open.location();
        });
    }

    @Override
    protected List<DynamicEntry> listDynamic() throws ErrnoException {
        ProcLink.checkMayInspect(task(), Callers.current().credentials());
        List<DynamicEntry> entries = new ArrayList<>();
        FdTable table = task().fds();
        if (table != null) {
            for (int fd : table.descriptors()) {
                entries.add(new DynamicEntry(fd, Integer.toString(fd), number() + 1 + fd,
                        info ? Stat.S_IFREG | 0444 : Stat.S_IFLNK | 0700));
            }
        }
        return entries;
    }

    private String describe(int fd) throws ErrnoException {
        FdTable table = task().fds();
        FileDescription description = table == null ? null : table.peek(fd);
        if (description == null) {
            throw ENOENT.error();
        }
        return FdInfo.of(task(), table, description, table.isCloseOnExec(fd));
    }
}
