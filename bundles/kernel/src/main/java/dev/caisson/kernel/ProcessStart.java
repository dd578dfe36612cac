package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EAGAIN;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalHandlers;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** Starts processes from outside: process 1, and what operators execute in a running sandbox. */
final class ProcessStart {
    private ProcessStart() {}

    static GuestProcess start(Kernel kernel, ExecRequest request, boolean asInit) throws ErrnoException {
        Task task = link(kernel, request, asInit);
        boolean started = false;
        try {
            Location location = kernel.vfs().resolve(task, null, request.path(), PathWalker.FOLLOW);
            ProgramImage image = ProgramImage.load(task, location, request.path(), false, request.arguments(), request.environment());
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
        return task.process();
    }

    private static Task link(Kernel kernel, ExecRequest request, boolean asInit) throws ErrnoException {
        kernel.taskSet().lock();
        try {
            PidNamespace pids = kernel.rootPids();
            if (!asInit && (pids.init() == null || pids.init().isExiting())) {
                throw EAGAIN.error("the sandbox has no process 1");
            }
            Pid identity = pids.allocate();
            GuestProcess process = new GuestProcess(kernel, identity, new SignalHandlers(), new ResourceLimits(), Signals.SIGCHLD);
            Task task = new Task(kernel, process, identity, 0);
            task.credentials(request.credentials());
            task.namespaces(new Namespaces(kernel.rootUts(), kernel.rootIpc(), pids));
            task.fs(request.fs());
            task.fds(request.fds());
            identity.task = task;
            identity.process = process;
            process.leader(task);
            process.threads.add(task);
            process.liveThreads++;
            process.signals().add(task.signals());
            ProcessTree.newSessionLocked(process);
            kernel.user(request.credentials().uid()).tasks.incrementAndGet();
            kernel.tasks().incrementAndGet();
            if (asInit) {
                pids.init(process);
            }
            return task;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    private static void unlink(Task task) {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            process.signals().remove(task.signals());
            process.threads.remove(task);
            process.liveThreads--;
            kernel.user(task.credentials().uid()).tasks.decrementAndGet();
            kernel.tasks().decrementAndGet();
            process.becomeZombie();
            process.becomeReaped();
            process.groupLocked(null);
            Pid identity = process.identity();
            if (kernel.rootPids().init() == process) {
                kernel.rootPids().init(null);
            }
            identity.task = null;
            identity.process = null;
            identity.releaseIfUnused();
        } finally {
            kernel.taskSet().unlock();
        }
        task.fds().release();
        task.fs().release();
    }
}
