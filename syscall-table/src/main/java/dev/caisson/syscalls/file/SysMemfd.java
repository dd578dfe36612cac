package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.SealedFile;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Mount;
import java.util.Map;

/** memfd_create(2): files without a name in a tmpfs that nobody sees. */
final class SysMemfd {
    private static final int MAX_NAME = 249;

    private SysMemfd() {}

    /** The hidden tmpfs of a kernel, made at the first call. */
    private static final class Files {
        private Mount mount;

        synchronized Mount mount(Kernel kernel) throws ErrnoException {
            if (mount == null) {
                FileSystemProvider provider = kernel.fileSystems().find("tmpfs");
                if (provider == null) {
                    throw ENOSYS.error("no provider for tmpfs");
                }
                mount = Mount.internal(provider.mount(new MountRequest("tmpfs", 0, Map.of("size", "0"), Credentials.ROOT)), "tmpfs");
                mount.retain(); // never closed
            }
            return mount;
        }
    }

    static long memfdCreate(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        int huge = (flags & Fcntl.MFD_HUGETLB) != 0 ? Fcntl.MFD_HUGE_MASK << Fcntl.MFD_HUGE_SHIFT : 0;
        int known = Fcntl.MFD_CLOEXEC | Fcntl.MFD_ALLOW_SEALING | Fcntl.MFD_HUGETLB | Fcntl.MFD_NOEXEC_SEAL | Fcntl.MFD_EXEC | huge;
        if ((flags & ~known) != 0 || (flags & Fcntl.MFD_NOEXEC_SEAL) != 0 && (flags & Fcntl.MFD_EXEC) != 0) {
            throw EINVAL.error();
        }
        String name;
        try {
            name = task.memory().readString(args.address(0), MAX_NAME + 1);
        } catch (ErrnoException e) {
            throw e.errno() == ENAMETOOLONG ? EINVAL.error() : e;
        }
        if ((flags & Fcntl.MFD_HUGETLB) != 0) {
            throw ENOSYS.error("no huge pages");
        }
        Mount mount = task.kernel().services().of(Files.class, Files::new).mount(task.kernel());
        Credentials owner = task.credentials();
        boolean noexec = (flags & Fcntl.MFD_NOEXEC_SEAL) != 0;
        Inode inode = mount.root().inode().createUnnamed(
                new NewNode(Stat.S_IFREG | (noexec ? 0666 : 0777), owner.fsuid(), owner.fsgid(), 0));
        if (((flags & Fcntl.MFD_ALLOW_SEALING) != 0 || noexec) && inode instanceof SealedFile sealed) {
            sealed.allowSealing();
            if (noexec) {
                sealed.addSeals(Fcntl.F_SEAL_EXEC);
            }
        }
        FileDescription description = task.kernel().vfs().openUnnamed(mount, "/memfd:" + name + " (deleted)", inode,
                Fcntl.O_RDWR | Fcntl.O_LARGEFILE, owner);
        return task.fds().install(description, (flags & Fcntl.MFD_CLOEXEC) != 0);
    }
}
