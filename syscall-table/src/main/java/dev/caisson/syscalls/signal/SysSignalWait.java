package dev.caisson.syscalls.signal;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.ProcessSignals;
import dev.caisson.kernel.signal.RestartBlock;
import dev.caisson.kernel.signal.SignalFile;
import dev.caisson.kernel.signal.SignalSets;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/** pause(2), sigsuspend(2), sigtimedwait(2), signalfd(2), restart_syscall(2). */
public final class SysSignalWait {
    private static final long SET_BYTES = 8;

    private SysSignalWait() {}

    /** pause(2). */
    public static long pause(Task task, SyscallArgs args) throws ErrnoException {
        throw sleep(task);
    }

    /** rt_sigsuspend(2). */
    public static long rtSigsuspend(Task task, SyscallArgs args) throws ErrnoException {
        if (args.value(1) != SET_BYTES) {
            throw EINVAL.error("sigsetsize");
        }
        long mask = task.memory().readLong(args.address(0));
        task.signals().suspendWith(mask);
        throw sleep(task);
    }

    /** Sleeps until a signal must be delivered. */
    private static ErrnoException sleep(Task task) {
        try {
            while (!task.signals().hasWork()) {
                task.block(Blocker.FOREVER);
            }
        } catch (ErrnoException interrupted) {
            return ERESTARTNOHAND.error();
        }
        return ERESTARTNOHAND.error();
    }

    /** rt_sigtimedwait(2). */
    public static long rtSigtimedwait(Task task, SyscallArgs args) throws ErrnoException {
        long infoAddress = args.address(1);
        long timeoutAddress = args.address(2);
        if (args.value(3) != SET_BYTES) {
            throw EINVAL.error("sigsetsize");
        }
        long wanted = task.memory().readLong(args.address(0)) & ~SignalSets.UNMASKABLE;
        Timespec timeout = timeoutAddress == 0 ? null : task.memory().read(timeoutAddress, Timespec.CODEC);
        if (timeout != null && !timeout.isValid()) {
            throw EINVAL.error("timeout");
        }
        ProcessSignals process = task.process().signals();
        SignalInfo info = process.take(task.signals(), wanted);
        if (info == null && timeout != null && timeout.isZero()) {
            throw EAGAIN.error();
        }
        if (info == null) {
            info = await(task, process, wanted, timeout);
        }
        if (infoAddress != 0) {
            MemorySegment image = task.scratch().asSlice(0, SignalInfo.BYTES);
            image.fill((byte) 0);
            SignalInfo.CODEC.write(image, 0, info);
            task.copyOut(infoAddress, image);
        }
        return info.signal();
    }

    private static SignalInfo await(Task task, ProcessSignals process, long wanted, Timespec timeout) throws ErrnoException {
        long deadline = Blocker.FOREVER;
        if (timeout != null) {
            long end = System.nanoTime() + timeout.toNanos();
            deadline = end < 0 ? Blocker.FOREVER : end;
        }
        process.beginAwait(task.signals(), wanted);
        boolean expired = false;
        SignalInfo info;
        try {
            while (!expired) {
                expired = !task.block(deadline);
            }
        } catch (ErrnoException interrupted) {
            expired = false;
        } finally {
            info = process.endAwait(task.signals(), wanted);
        }
        if (info == null) {
            throw expired ? EAGAIN.error() : EINTR.error();
        }
        return info;
    }

    /** signalfd(2). */
    public static long signalfd(Task task, SyscallArgs args) throws ErrnoException {
        return signalfd(task, args.fd(0), args.address(1), args.value(2), 0);
    }

    /** signalfd4(2). */
    public static long signalfd4(Task task, SyscallArgs args) throws ErrnoException {
        return signalfd(task, args.fd(0), args.address(1), args.value(2), args.i32(3));
    }

    private static long signalfd(Task task, int fd, long maskAddress, long bytes, int flags) throws ErrnoException {
        if (bytes != SET_BYTES) {
            throw EINVAL.error("sizemask");
        }
        long mask = task.memory().readLong(maskAddress);
        if ((flags & ~(Signals.SFD_CLOEXEC | Signals.SFD_NONBLOCK)) != 0) {
            throw EINVAL.error("flags");
        }
        if (fd == -1) {
            SignalFile file = new SignalFile(task, mask);
            FileDescription description = task.kernel().vfs().anonymous().describe("[signalfd]", file,
                    Fcntl.O_RDWR | flags & Signals.SFD_NONBLOCK, task.credentials());
            return task.fds().install(description, (flags & Signals.SFD_CLOEXEC) != 0);
        }
        FileDescription description = task.fds().borrow(fd);
        try {
            if (!(description.file() instanceof SignalFile file)) {
                throw EINVAL.error("not a signalfd");
            }
            file.set(mask);
            return fd;
        } finally {
            description.release();
        }
    }

    /** restart_syscall(2): goes on with a sleep that a signal without a handler interrupted. */
    public static long restartSyscall(Task task, SyscallArgs args) throws ErrnoException {
        RestartBlock block = task.signals().takeRestartBlock();
        if (block == null) {
            throw EINTR.error();
        }
        return block.restart(task);
    }
}
