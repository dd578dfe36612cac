package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_HUGETLB;
import static dev.caisson.abi.Mman.MAP_SHARED;
import static dev.caisson.abi.Mman.MAP_SHARED_VALIDATE;
import static dev.caisson.abi.Mman.MAP_TYPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.MappedDescription;

/** mmap(2), munmap(2), mprotect(2), mremap(2), remap_file_pages(2), brk(2). What the calls mean is the business of {@code MemoryManager}. */
public final class SysMmap {
    private static final long PAGE_MASK = 4095;

    private SysMmap() {}

    /** mmap(2). */
    public static long mmap(Task task, SyscallArgs args) throws ErrnoException {
        int protection = args.i32(2);
        int flags = args.i32(3);
        long offset = args.value(5);
        if ((offset & PAGE_MASK) != 0) {
            throw EINVAL.error("mmap: offset is not a multiple of the page size");
        }
        if ((flags & MAP_ANONYMOUS) != 0) {
            return task.memory().map(args.address(0), args.value(1), protection, flags, null, 0);
        }
        FileDescription description = task.fds().borrow(args.fd(4)); // EBADF
        try {
            if ((flags & MAP_HUGETLB) != 0) {
                throw EINVAL.error("mmap: MAP_HUGETLB of a file that is not on hugetlbfs");
            }
            long length = args.value(1);
            if (length > 0 && (offset >>> 12) + (length >>> 12) > Long.MAX_VALUE >>> 12) {
                throw EOVERFLOW.error("mmap: no file is that long");
            }
            int type = flags & MAP_TYPE;
            boolean shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
            if (shared && (protection & 2) != 0 && description.isWritable() && MappedDescription.isSealed(description)) {
                throw EPERM.error("sealed against writing");
            }
            long address = task.memory().map(args.address(0), args.value(1), protection, flags,
                    MappedDescription.unchecked(description, shared), offset);
            description.wasAccessed();
            return address;
        } finally {
            description.release();
        }
    }

    /** munmap(2). */
    public static long munmap(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().unmap(args.address(0), args.value(1));
        return 0;
    }

    /** mprotect(2). */
    public static long mprotect(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().protect(args.address(0), args.value(1), args.i32(2));
        return 0;
    }

    /** pkey_mprotect(2) on a processor without protection keys: only key -1 exists. */
    public static long pkeyMprotect(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(3) != -1) {
            throw EINVAL.error("pkey_mprotect: no such key");
        }
        return mprotect(task, args);
    }

    /** mremap(2). */
    public static long mremap(Task task, SyscallArgs args) throws ErrnoException {
        return task.memory().remap(args.address(0), args.value(1), args.value(2), args.i32(3), args.address(4));
    }

    /** remap_file_pages(2). */
    public static long remapFilePages(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().remapFilePages(args.address(0), args.value(1), args.value(2), args.value(3), args.value(4));
        return 0;
    }

    /** brk(2): never fails, but answers with the break as it is. */
    public static long brk(Task task, SyscallArgs args) {
        return task.memory().brk(args.address(0));
    }
}
