package dev.caisson.kernel.seccomp;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Seccomp;
import dev.caisson.kernel.Task;
import java.lang.foreign.MemorySegment;

/** Puts tasks into a mode of seccomp(2), with the checks of Linux in their order. */
public final class SeccompFilters {
    /** {@code (1 << 18) / sizeof(struct sock_filter)}. */
    private static final int MAX_INSTRUCTIONS_PER_CHAIN = 1 << 15;
    private static final int PROGRAM_BYTES = 16;

    private SeccompFilters() {}

    /**
     * Strict mode.
     *
     * @param task the caller
     * @throws ErrnoException EINVAL when it has filters
     */
    public static void setStrict(Task task) throws ErrnoException {
        task.kernel().taskSet().lock();
        try {
            SeccompState old = task.seccomp();
            if (old != null && old.mode() != Seccomp.SECCOMP_MODE_STRICT) {
                throw EINVAL.error();
            }
            task.seccomp(SeccompState.STRICT);
        } finally {
            task.kernel().taskSet().unlock();
        }
    }

    /**
     * Adds a filter.
     *
     * @param task the caller
     * @param address guest address of a {@code struct sock_fprog}
     * @param flags {@code SECCOMP_FILTER_FLAG_*}, checked
     * @return 0, or with TSYNC the id of a thread whose filters are others
     * @throws ErrnoException EFAULT, EINVAL, EACCES, ENOMEM, ESRCH
     */
    public static long addFilter(Task task, long address, int flags) throws ErrnoException {
        BpfProgram program = read(task, address);
        boolean everyThread = (flags & Seccomp.SECCOMP_FILTER_FLAG_TSYNC) != 0;
        task.kernel().taskSet().lock();
        try {
            SeccompState old = task.seccomp();
            if (old != null && old.mode() != Seccomp.SECCOMP_MODE_FILTER) {
                throw EINVAL.error();
            }
            SeccompState next = SeccompState.filter(program, old);
            if (next.instructions() > MAX_INSTRUCTIONS_PER_CHAIN) {
                throw ENOMEM.error();
            }
            if (everyThread) {
                Task other = findOther(task, old);
                if (other != null) {
                    if ((flags & Seccomp.SECCOMP_FILTER_FLAG_TSYNC_ESRCH) != 0) {
                        throw ESRCH.error();
                    }
                    return other.identity().in(task.pidNamespace());
                }
            }
            task.seccomp(next);
            if (everyThread) {
                for (Task thread : task.process().tasks()) {
                    if (thread != task) {
                        thread.seccomp(next);
                        if (task.noNewPrivileges()) {
                            thread.setNoNewPrivileges();
                        }
                    }
                }
            }
            return 0;
        } finally {
            task.kernel().taskSet().unlock();
        }
    }

    /**
     * The filters of a task that begins with one.
     *
     * @param instructions {@code struct sock_filter}s, or null for none
     * @return its state, or null
     * @throws ErrnoException EINVAL when they are no filter
     */
    public static SeccompState of(byte[] instructions) throws ErrnoException {
        if (instructions == null) {
            return null;
        }
        if (instructions.length == 0 || instructions.length > BpfProgram.MAX_INSTRUCTIONS * BpfProgram.INSTRUCTION_BYTES) {
            throw EINVAL.error();
        }
        return SeccompState.filter(BpfProgram.of(MemorySegment.ofArray(instructions)), null);
    }

    /** A thread whose filters are not an older state of the caller's. */
    private static Task findOther(Task task, SeccompState own) {
        for (Task thread : task.process().tasks()) {
            SeccompState state = thread.seccomp();
            boolean older = state == null || state.mode() == Seccomp.SECCOMP_MODE_FILTER && own != null && own.continues(state);
            if (thread != task && !older) {
                return thread;
            }
        }
        return null;
    }

    private static BpfProgram read(Task task, long address) throws ErrnoException {
        MemorySegment header = MemorySegment.ofArray(new byte[PROGRAM_BYTES]);
        task.memory().copyIn(address, header);
        int length = Short.toUnsignedInt(header.get(Layouts.U16, 0));
        long instructions = header.get(Layouts.U64, 8);
        if (length == 0 || length > BpfProgram.MAX_INSTRUCTIONS) {
            throw EINVAL.error();
        }
        if (!task.noNewPrivileges() && !task.credentials().has(Capability.CAP_SYS_ADMIN)) {
            throw EACCES.error("neither no_new_privs nor CAP_SYS_ADMIN");
        }
        if (instructions == 0) {
            throw EINVAL.error();
        }
        byte[] bytes = new byte[length * BpfProgram.INSTRUCTION_BYTES];
        try {
            task.memory().copyIn(instructions, bytes);
        } catch (ErrnoException fault) {
            throw EFAULT.error();
        }
        return BpfProgram.of(MemorySegment.ofArray(bytes));
    }
}
