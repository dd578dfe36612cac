package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EAGAIN;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.seccomp.SeccompFilters;
import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.signal.SignalHandlers;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.util.List;

/** Starts processes from outside: process 1, and what operators execute in a running sandbox. */
final class ProcessStart {
    private ProcessStart() {}

    static GuestProcess start(Kernel kernel, ExecRequest request, boolean asInit) throws ErrnoException {
        Task task = link(kernel, ProcessSettings.plain(kernel, request.credentials()), request.fs(), request.fds(), asInit);
        load(task, request.path(), request.arguments(), request.environment());
        return task.process();
    }

    /** Loads the program of a task that is linked, and lets it go; on failure the task is gone. */
    static void load(Task task, String path, List<String> arguments, List<String> environment) throws ErrnoException {
        Kernel kernel = task.kernel();
        boolean started = false;
        try {
            Location location = kernel.vfs().resolve(task, null, path, PathWalker.FOLLOW);
            ProgramImage image = ProgramImage.load(task, location, path, false, arguments, environment);
            task.program(image.file());
            task.memory(image.memory());
            image.memory().limits(new ProcessMemoryLimits(task.process()));
            task.credentials(image.credentials());
            task.initialComm(image.comm());
            task.process().executed = true;
            TaskExec.start(task, image);
            started = true;
        } finally {
            if (!started) {
                unlink(task);
            }
        }
        kernel.threads().reserve(0).assign(task);
    }

    /** Makes the process and everything that finds it: numbers, session, accounts. It takes over the references to files. */
    static Task link(Kernel kernel, ProcessSettings settings, FsContext fs, FdTable fds, boolean asInit) throws ErrnoException {
        SeccompState filters = SeccompFilters.of(settings.filter());
        kernel.taskSet().lock();
        try {
            PidNamespace pids = settings.namespaces().pidForChildren();
            boolean isFirst = asInit || pids.level() > 0 && pids.init() == null;
            if (!isFirst && (pids.init() == null || pids.init().isExiting())) {
                throw EAGAIN.error("the sandbox has no process 1");
            }
            Pid identity = pids.allocate();
            GuestProcess process = new GuestProcess(kernel, settings.set(), identity, new SignalHandlers(), settings.limits(), Signals.SIGCHLD,
                    settings.isContainerInit());
            Task task = new Task(kernel, process, identity, 0);
            task.credentials(settings.credentials());
            task.namespaces(settings.namespaces());
            task.fs(fs);
            task.fds(fds);
            task.personality(settings.personality());
            settings.scheduling().accept(task.scheduling());
            if (settings.noNewPrivileges()) {
                task.setNoNewPrivileges();
            }
            task.seccomp(filters);
            process.oomScoreAdjustment(settings.oomScoreAdjustment());
            identity.task = task;
            identity.process = process;
            process.leader(task);
            process.threads.add(task);
            process.liveThreads++;
            process.signals().add(task.signals());
            ProcessTree.newSessionLocked(process);
            kernel.user(settings.credentials().uid()).tasks.incrementAndGet();
            kernel.tasks().incrementAndGet();
            settings.set().taskStarted();
            if (isFirst) {
                pids.init(process);
            }
            return task;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** Undoes {@link #link}. */
    static void unlink(Task task) {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            process.signals().remove(task.signals());
            process.threads.remove(task);
            process.liveThreads--;
            kernel.user(task.credentials().uid()).tasks.decrementAndGet();
            kernel.tasks().decrementAndGet();
            process.set().taskEnded();
            process.becomeZombie();
            process.becomeReaped();
            process.groupLocked(null);
            Pid identity = process.identity();
            PidNamespace pids = identity.namespace();
            if (pids.init() == process) {
                pids.init(null);
            }
            identity.task = null;
            identity.process = null;
            identity.releaseIfUnused();
            process.exitEvents().notify(1);
        } finally {
            kernel.taskSet().unlock();
        }
        task.fds().release();
        task.fs().release();
    }
}
