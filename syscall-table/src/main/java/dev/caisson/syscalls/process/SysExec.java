package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskExec;
import dev.caisson.kernel.TaskState;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.memory.MemoryManager;
import java.util.ArrayList;
import java.util.List;

/** execve(2), execveat(2). */
public final class SysExec {
    /** MAX_ARG_STRLEN: the longest argument, with its NUL. */
    private static final int MOST_BYTES = 32 * 4096;
    private static final int PATH_BYTES = 4096;
    /** No list of arguments that fits in _STK_LIM / 4 * 3 has more. */
    private static final int MOST_STRINGS = 6 << 20;
    /** Three quarters of _STK_LIM: what all strings together may take. */
    private static final long MOST_TOTAL = 6L << 20;

    private SysExec() {}

    /** execve(2). */
    public static TaskState execve(Task task, SyscallArgs args) throws ErrnoException {
        return run(task, Fcntl.AT_FDCWD, args.address(0), args.address(1), args.address(2), 0);
    }

    /** execveat(2). */
    public static TaskState execveat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(4);
        return run(task, args.fd(0), args.address(1), args.address(2), args.address(3), flags);
    }

    private static TaskState run(Task task, int directory, long path, long argv, long envp, int flags) throws ErrnoException {
        String name = task.memory().readString(path, PATH_BYTES);
        List<String> arguments = strings(task.memory(), argv);
        List<String> environment = strings(task.memory(), envp);
        if (name.isEmpty() && (flags & Fcntl.AT_EMPTY_PATH) == 0) {
            throw ENOENT.error();
        }
        if ((flags & ~(Fcntl.AT_EMPTY_PATH | Fcntl.AT_SYMLINK_NOFOLLOW)) != 0) {
            throw EINVAL.error();
        }
        return TaskExec.exec(task, directory, name, arguments, environment, flags);
    }

    /** An array of strings that ends with a null pointer; no array at all is an empty one. */
    private static List<String> strings(MemoryManager memory, long array) throws ErrnoException {
        List<String> strings = new ArrayList<>();
        if (array == 0) {
            return strings;
        }
        long total = 0;
        for (long at = array;; at += 8) {
            long address = memory.readLong(at);
            if (address == 0) {
                return strings;
            }
            String text;
            try {
                text = memory.readString(address, MOST_BYTES);
            } catch (ErrnoException failed) {
                throw failed.errno() == dev.caisson.abi.Errno.ENAMETOOLONG ? E2BIG.error() : failed;
            }
            total += text.length() + 9;
            if (strings.size() >= MOST_STRINGS || total > MOST_TOTAL) {
                throw E2BIG.error();
            }
            strings.add(text);
        }
    }
}
