package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Registers;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.util.List;

/** execve(2): replaces the program of a process. */
public final class TaskExec {
    /** Selectors of user code and data, as Linux has them. */
    private static final long USER_CS = 0x33;
    private static final long USER_SS = 0x2b;
    /** IF, and the bit that is always set. */
    private static final long FLAGS = 0x202;

    private TaskExec() {}

    /**
     * execveat(2). Until the new program is wholly loaded every error leaves the caller as it was.
     *
     * @param task the calling task
     * @param directory where a relative path begins, or AT_FDCWD
     * @param path path of the program
     * @param arguments argv
     * @param environment envp
     * @param flags AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
     * @return the task goes on at the new program's first instruction
     * @throws ErrnoException as execve(2)
     */
    public static TaskState exec(Task task, int directory, String path, List<String> arguments, List<String> environment, int flags)
            throws ErrnoException {
        ProgramImage image = open(task, directory, path, arguments, environment, flags);
        Tracee tracee = task.tracee();
        PidNamespace viewer = tracee == null ? null : tracee.viewer();
        int formerTid = viewer == null ? 0 : task.identity().in(viewer);
        long call = task.registers().origRax();
        try {
            task.loading(image.memory());
            aloneInProcess(task);
        } catch (ErrnoException refused) {
            task.loading(null);
            image.close();
            throw refused;
        }
        become(task, image);
        task.registers().origRax(call);
        if (tracee != null) {
            image.memory().keepCode(true);
            tracee.event(Ptrace.PTRACE_EVENT_EXEC, formerTid);
        }
        return TaskState.RESUME;
    }

    private static ProgramImage open(Task task, int directory, String path, List<String> arguments, List<String> environment, int flags)
            throws ErrnoException {
        Location start = null;
        FileDescription base = null;
        if (path.isEmpty() && (flags & Fcntl.AT_EMPTY_PATH) == 0) {
            throw ENOENT.error();
        }
        boolean relative = !path.startsWith("/");
        if (relative && directory != Fcntl.AT_FDCWD) {
            base = task.fds().borrowAny(directory);
            start = base.location();
        }
        try {
            boolean follow = (flags & Fcntl.AT_SYMLINK_NOFOLLOW) == 0;
            Location location = task.kernel().vfs().resolve(task, start, path,
                    (follow ? PathWalker.FOLLOW : 0) | ((flags & Fcntl.AT_EMPTY_PATH) != 0 ? PathWalker.EMPTY : 0));
            if (!follow && (location.inode().mode() & Stat.S_IFMT) == Stat.S_IFLNK) {
                throw ELOOP.error();
            }
            // Linux: bprm->fdpath is what scripts and AT_EXECFN see of a program that was named by a descriptor.
            String name = start == null ? path : path.isEmpty() ? "/dev/fd/" + directory : "/dev/fd/" + directory + "/" + path;
            boolean hidden = start != null && isClosedByExec(task, directory);
            return ProgramImage.load(task, location, name, hidden, arguments, environment);
        } finally {
            if (base != null) {
                base.release();
            }
        }
    }

    private static boolean isClosedByExec(Task task, int fd) {
        try {
            return task.fds().isCloseOnExec(fd);
        } catch (ErrnoException closed) {
            return true;
        }
    }

    /** Ends the other threads and takes the leader's identity (Linux: de_thread). */
    private static void aloneInProcess(Task task) throws ErrnoException {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            if (process.executing != null) {
                throw EAGAIN.error("another thread executes a program");
            }
            if (process.threads.size() == 1 && process.leader() == task) {
                return;
            }
            process.executing = task;
        } finally {
            kernel.taskSet().unlock();
        }
        try {
            if (!process.signals().endOthers(task.signals())) {
                throw EAGAIN.error();
            }
            while (process.threadCount() > 1) {
                task.blockKillable(Task.FOREVER);
            }
            if (process.leader() != task) {
                takeLeadership(task);
            }
        } finally {
            kernel.taskSet().lock();
            try {
                process.executing = null;
            } finally {
                kernel.taskSet().unlock();
            }
        }
    }

    private static void takeLeadership(Task task) {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            Pid own = task.identity();
            Pid leading = process.identity();
            own.task = null;
            task.identity(leading);
            process.leader(task);
            own.releaseIfUnused();
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** The point of no return: nothing below fails. */
    private static void become(Task task, ProgramImage image) {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        MemoryManager old = task.memory();
        kernel.memoryReleased(task, old);
        if (image.platform() != kernel.platform()) {
            // The platform changed while this thread waited for the others to end.
            image.memory().switchPlatform(kernel.platform());
        }
        image.memory().limits(new ProcessMemoryLimits(process));
        kernel.taskSet().lock();
        try {
            task.memory(image.memory());
            task.loading(null);
        } finally {
            kernel.taskSet().unlock();
        }
        process.endedThreads.maxResidentBytes = Math.max(process.endedThreads.maxResidentBytes, old.usage().peakResident() << 12);
        old.close();
        ProgramFile oldProgram = task.program();
        task.program(image.file());
        if (oldProgram != null) {
            oldProgram.release();
        }
        process.executed = true; // before anybody can learn of it, by a vfork that returns or a descriptor that closes
        TaskExit.vforkDone(task);

        process.attachments().executes(task);
        task.attachments().executes(task);
        FdTable fds = task.fds();
        if (fds.isShared()) {
            task.fds(fds.copy());
            fds.release();
        }
        task.fds().closeForExec();
        process.signals().handlers(process.signals().handlers().afterExec());
        SignalState signals = task.signals();
        signals.resetStack();
        process.exitSignal = Signals.SIGCHLD;
        if (image.isPrivileged()) {
            task.parentDeathSignal(0);
            task.personality(task.personality() & ~Prctl.PER_CLEAR_ON_SETID);
        }
        task.userDispatch(null);
        task.credentials(image.credentials());
        image.memory().layout().dumpable = image.isPrivileged() ? 0 : 1;
        task.scheduling().timerSlackNs(0);
        task.comm(image.comm());
        start(task, image);
    }

    /** The registers and FPU state of a new program. */
    static void start(Task task, ProgramImage image) {
        Registers registers = task.registers();
        registers.segment().fill((byte) 0);
        registers.rip(image.entry());
        registers.rsp(image.stackPointer());
        registers.cs(USER_CS);
        registers.ss(USER_SS);
        registers.eflags(FLAGS);
        registers.origRax(-1);
        if (task.context() != null) {
            try {
                task.context().resetFpu();
            } catch (ErrnoException gone) {
                // The host took the guest thread away; the next run says so again and ends the task.
                Kernel.LOG.debug("{}: FPU state not reset: {}", task, gone.getMessage());
            }
        }
    }
}
