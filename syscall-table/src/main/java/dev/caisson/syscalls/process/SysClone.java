package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.CloneArguments;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Sched;
import dev.caisson.kernel.CloneRequest;
import dev.caisson.kernel.NamespaceCalls;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskClone;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** fork(2), vfork(2), clone(2), clone3(2), unshare(2). */
public final class SysClone {
    private static final int CSIGNAL = 0xff;
    private static final long CLONE_CLEAR_SIGHAND = 0x100000000L;
    private static final long CLONE_INTO_CGROUP = 0x200000000L;
    private static final int SIGNALS = 64;

    private SysClone() {}

    /** fork(2). */
    public static long fork(Task task, SyscallArgs args) throws ErrnoException {
        return TaskClone.clone(task, CloneRequest.FORK);
    }

    /** vfork(2). */
    public static long vfork(Task task, SyscallArgs args) throws ErrnoException {
        return TaskClone.clone(task, CloneRequest.VFORK);
    }

    /** clone(2) with the argument order of x86-64: flags, stack, parent_tid, child_tid, tls. */
    public static long clone(Task task, SyscallArgs args) throws ErrnoException {
        long flags = args.value(0) & 0xffffffffL & ~CSIGNAL;
        long parentTid = args.address(2);
        if ((flags & Sched.CLONE_PIDFD) != 0 && (flags & Sched.CLONE_PARENT_SETTID) != 0) {
            throw EINVAL.error("both want parent_tid");
        }
        return TaskClone.clone(task, new CloneRequest(flags, args.i32(0) & CSIGNAL, args.address(1), parentTid, parentTid,
                args.address(3), args.address(4), new int[0], false));
    }

    /** clone3(2). */
    public static long clone3(Task task, SyscallArgs args) throws ErrnoException {
        long size = args.value(1);
        if (Long.compareUnsigned(size, 4096) > 0) {
            throw E2BIG.error();
        }
        if (size < CloneArguments.FIRST_BYTES) {
            throw EINVAL.error();
        }
        MemorySegment bytes = task.scratch();
        bytes.asSlice(0, CloneArguments.BYTES).fill((byte) 0);
        task.memory().copyIn(args.address(0), bytes, 0, size);
        for (long i = CloneArguments.BYTES; i < size; i++) {
            if (bytes.get(Layouts.U8, i) != 0) {
                throw E2BIG.error();
            }
        }
        CloneArguments given = CloneArguments.CODEC.read(bytes, 0);
        if (given.setTidSize() > PidNamespace.MAX_LEVEL || given.setTidSize() < 0 || (given.setTid() == 0) != (given.setTidSize() == 0)) {
            throw EINVAL.error();
        }
        if ((given.exitSignal() & ~(long) CSIGNAL) != 0 || given.exitSignal() > SIGNALS) {
            throw EINVAL.error();
        }
        if ((given.flags() & CLONE_INTO_CGROUP) != 0) {
            if (Long.compareUnsigned(given.cgroup(), Integer.MAX_VALUE) > 0 || size < CloneArguments.BYTES) {
                throw EINVAL.error();
            }
            throw EBADF.error("clone3: no descriptor is one of a cgroup");
        }
        int[] tids = new int[(int) given.setTidSize()];
        for (int i = 0; i < tids.length; i++) {
            tids[i] = task.memory().readInt(given.setTid() + 4L * i);
        }
        long known = 0xffffffffL & ~(long) CSIGNAL | CLONE_CLEAR_SIGHAND | Sched.CLONE_NEWTIME;
        boolean clear = (given.flags() & CLONE_CLEAR_SIGHAND) != 0;
        if ((given.flags() & ~known) != 0 || (given.flags() & Sched.CLONE_DETACHED) != 0
                || clear && (given.flags() & Sched.CLONE_SIGHAND) != 0
                || (given.flags() & Sched.CLONE_PIDFD) != 0 && (given.flags() & Sched.CLONE_PARENT_SETTID) != 0
                        && given.pidfd() == given.parentTid()
                || (given.flags() & (Sched.CLONE_THREAD | Sched.CLONE_PARENT)) != 0 && given.exitSignal() != 0) {
            throw EINVAL.error();
        }
        if ((given.stack() == 0) != (given.stackSize() == 0)) {
            throw EINVAL.error("clone3: stack without size");
        }
        long limit = task.memory().layout().addressLimit;
        if (given.stack() != 0 && (Long.compareUnsigned(given.stackSize(), limit) > 0
                || Long.compareUnsigned(given.stack(), limit - given.stackSize()) > 0)) {
            throw EINVAL.error("clone3: a stack beyond all addresses");
        }
        long stack = given.stack() == 0 ? 0 : given.stack() + given.stackSize();
        return TaskClone.clone(task, new CloneRequest(given.flags() & 0xffffffffL, (int) given.exitSignal(), stack, given.pidfd(),
                given.parentTid(), given.childTid(), given.tls(), tids, clear));
    }

    /** unshare(2). */
    public static long unshare(Task task, SyscallArgs args) throws ErrnoException {
        NamespaceCalls.unshare(task, args.i32(0) & 0xffffffffL);
        return 0;
    }
}
