package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalHandlers;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.vfs.Vfs;

/** A kernel whose processes never run guest code: the process tree without a platform. */
final class TestSandbox implements AutoCloseable {
    final Kernel kernel;
    final Task init;

    TestSandbox() throws ErrnoException {
        MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
        kernel = new Kernel(KernelOptions.DEFAULT, new NoPlatform(), memory, new Vfs(), SyscallTable.named("none").build());
        init = link(null);
    }

    /** A process without memory and files, a child of a task; null for process 1. */
    Task link(Task parent) throws ErrnoException {
        kernel.taskSet().lock();
        try {
            Pid identity = kernel.rootPids().allocate();
            GuestProcess process = new GuestProcess(kernel, kernel.rootSet(), identity, new SignalHandlers(), new ResourceLimits(), Signals.SIGCHLD);
            Task task = new Task(kernel, process, identity, 0);
            task.namespaces(new Namespaces(kernel.rootUts(), kernel.rootIpc(), kernel.rootPids()));
            identity.task = task;
            identity.process = process;
            process.leader(task);
            process.threads.add(task);
            process.liveThreads++;
            process.signals().add(task.signals());
            if (parent == null) {
                kernel.rootPids().init(process);
                ProcessTree.newSessionLocked(process);
            } else {
                process.parent(parent.process(), parent);
                parent.process().children.add(process);
                process.groupLocked(parent.process().group());
            }
            kernel.tasks().incrementAndGet();
            return task;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** One more thread of a process. */
    Task linkThread(Task sibling) throws ErrnoException {
        kernel.taskSet().lock();
        try {
            Pid identity = kernel.rootPids().allocate();
            Task task = new Task(kernel, sibling.process(), identity, 0);
            identity.task = task;
            task.process().threads.add(task);
            task.process().liveThreads++;
            task.process().signals().add(task.signals());
            kernel.tasks().incrementAndGet();
            return task;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** Lets a task exit with a code, as if by exit(2). */
    static void exit(Task task, int code) {
        TaskExit.exit(task, code << 8);
    }

    @Override
    public void close() {
        kernel.clocks().close();
        kernel.timers().close();
        kernel.hostEvents().close();
    }
}
