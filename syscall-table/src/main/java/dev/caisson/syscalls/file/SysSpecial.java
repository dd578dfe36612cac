package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.PathWalker;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** sysfs(2), swapon(2), swapoff(2), cachestat(2). */
final class SysSpecial {
    private static final int SWAP_FLAGS = 0x7ffff;
    private static final int PAGE_SHIFT = 12;
    private static final int CACHESTAT_BYTES = 40;

    private SysSpecial() {}

    /** sysfs(2): numbers and names of kinds of filesystem. */
    static long sysfs(Task task, SyscallArgs args) throws ErrnoException {
        List<FileSystemProvider> all = List.copyOf(task.kernel().fileSystems().all());
        switch (args.i32(0)) {
            case 1 -> {
                String name = task.memory().readString(args.address(1), 4096);
                for (int i = 0; i < all.size(); i++) {
                    if (all.get(i).name().equals(name)) {
                        return i;
                    }
                }
                throw EINVAL.error();
            }
            case 2 -> {
                if (Long.compareUnsigned(args.value(1), all.size()) >= 0) {
                    throw EINVAL.error();
                }
                String name = all.get((int) args.value(1)).name() + '\0';
                task.memory().copyOut(args.address(2), name.getBytes(StandardCharsets.ISO_8859_1));
                return 0;
            }
            case 3 -> {
                return all.size();
            }
            default -> throw EINVAL.error();
        }
    }

    static long swapon(Task task, SyscallArgs args) throws ErrnoException {
        if ((args.i32(1) & ~SWAP_FLAGS) != 0) {
            throw EINVAL.error();
        }
        return swap(task, args);
    }

    static long swapoff(Task task, SyscallArgs args) throws ErrnoException {
        return swap(task, args);
    }

    private static long swap(Task task, SyscallArgs args) throws ErrnoException {
        if (!task.credentials().has(Capability.CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
        if (args.address(0) == 0) {
            throw EFAULT.error();
        }
        At.resolve(task, args.address(0), PathWalker.FOLLOW);
        throw EINVAL.error("no swap area");
    }

    /** cachestat(2): the pages of a regular file are at hand, wherever they are. */
    static long cachestat(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            long offset = task.memory().readLong(args.address(1));
            long length = task.memory().readLong(args.address(1) + 8);
            if (args.i32(3) != 0) {
                throw EINVAL.error();
            }
            long pages = 0;
            if ((description.inode().mode() & Stat.S_IFMT) == Stat.S_IFREG) {
                long size = description.inode().attributes().sizeBytes();
                long first = offset >>> PAGE_SHIFT;
                long end = length == 0 || offset + length < 0 || offset + length > size ? size : offset + length;
                pages = Math.max(0, (end + (1 << PAGE_SHIFT) - 1 >>> PAGE_SHIFT) - first);
            }
            byte[] answer = new byte[CACHESTAT_BYTES];
            MemorySegment.ofArray(answer).set(dev.caisson.abi.Layouts.U64, 0, pages);
            task.memory().copyOut(args.address(2), answer);
            return 0;
        } finally {
            description.release();
        }
    }
}
