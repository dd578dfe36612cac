package dev.caisson.kernel;

import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import java.util.ArrayList;
import java.util.List;

/** The end of tasks and processes, _exit(2), in the order of Linux's do_exit. */
final class TaskExit {
    private TaskExit() {}

    /**
     * Ends a task, on its own thread; afterwards the thread does nothing for it any more.
     *
     * @param status exit status of this thread, as wait(2) tells it; a group's end replaces it
     */
    static void exit(Task task, int status) {
        Kernel kernel = task.kernel();
        GuestProcess process = task.process();
        boolean last;
        kernel.taskSet().lock();
        try {
            last = --process.liveThreads == 0;
        } finally {
            kernel.taskSet().unlock();
        }
        if (last) {
            process.attachments().exits(task);
        }
        task.attachments().exits(task);
        process.signals().remove(task.signals());
        releaseMemory(task);
        FdTable fds = task.fds();
        task.fds(null);
        if (fds != null) {
            fds.release();
        }
        if (last && process.session().leader() == process) {
            leaveTerminal(process);
        }
        FsContext fs = task.fs();
        task.fs(null);
        if (fs != null) {
            fs.release();
        }
        TracedExit.tracerEnds(task);
        if (process.isInit() && last) {
            killNamespace(task);
        }
        finish(task, status);
    }

    /** Gives the address space up, for exit and execve: futexes first, then the waiting parent of a vfork. */
    static void releaseMemory(Task task) {
        MemoryManager memory = task.memory();
        if (memory != null) {
            task.kernel().memoryReleased(task, memory);
        }
        task.onPlatform().close();
        if (memory != null) {
            task.memory(null);
            task.process().endedThreads.maxResidentBytes =
                    Math.max(task.process().endedThreads.maxResidentBytes, memory.usage().peakResident() << 12);
            memory.close();
        }
        ProgramFile program = task.program();
        task.program(null);
        if (program != null) {
            program.release();
        }
        vforkDone(task);
    }

    static void vforkDone(Task task) {
        Completion done = task.vforkDone;
        if (done != null) {
            task.vforkDone = null;
            done.complete();
        }
    }

    private static void leaveTerminal(GuestProcess process) {
        Session session = process.session();
        ControllingTerminal terminal = session.terminal();
        if (terminal != null) {
            terminal.releasedBy(session, true);
            session.detachTerminal(terminal);
        }
        session.leaderGone();
    }

    /** The init process of a pid namespace is gone: everybody in it dies, and it leaves last. */
    private static void killNamespace(Task init) {
        PidNamespace namespace = init.pidNamespace();
        Kernel kernel = init.kernel();
        kernel.taskSet().lock();
        try {
            namespace.markDead();
        } finally {
            kernel.taskSet().unlock();
        }
        if (namespace.level() == 0) {
            kernel.killGuests();
        }
        for (GuestProcess process : namespace.processes()) {
            if (process != init.process()) {
                process.kill();
            }
        }
        // Children that are dead already, and those that die now, are reaped here: nobody else will wait for them.
        GuestProcess self = init.process();
        self.reapsAll = true;
        kernel.taskSet().lock();
        try {
            for (GuestProcess child : new ArrayList<>(self.children)) {
                if (child.isZombie()) {
                    reapLocked(child);
                }
            }
        } finally {
            kernel.taskSet().unlock();
        }
        self.childEvents().add(init.waiter(), 1);
        try {
            while (othersIn(namespace, self)) {
                init.sleepUninterruptibly(System.nanoTime() + 100_000_000L);
            }
        } finally {
            self.childEvents().remove(init.waiter());
        }
    }

    private static boolean othersIn(PidNamespace namespace, GuestProcess init) {
        for (GuestProcess process : namespace.processes()) {
            if (process != init && !process.isReaped() && process.isLiveOrChildOf(init)) {
                return true;
            }
        }
        return false;
    }

    /** Takes the task out of its process; the last one makes it a zombie. */
    private static void finish(Task task, int status) {
        Kernel kernel = task.kernel();
        GuestProcess process = task.process();
        List<ProcessGroup> orphaned = new ArrayList<>(0);
        kernel.taskSet().lock();
        try {
            // Since Linux 6.0 the last thread's code counts, whoever it is (synchronize_group_exit).
            process.exitStatusLocked(status);
            process.threads.remove(task);
            process.endedThreads.add(task.times());
            parentThreadGone(task);
            kernel.user(task.credentials().uid()).tasks.decrementAndGet();
            kernel.tasks().decrementAndGet();
            process.set().taskEnded();
            Task executing = process.executing;
            if (!TracedExit.keepsLocked(task, status) && task != process.leader()) {
                Pid identity = task.identity();
                identity.task = null;
                identity.releaseIfUnused();
            }
            if (executing != null && process.threads.size() == 1) {
                executing.waiter().onEvent(1);
            }
            if (process.threads.isEmpty()) {
                if (process.signals().isEnding()) {
                    process.exitStatusLocked(process.signals().endStatus());
                }
                reparentChildren(process, orphaned);
                collectOrphaned(process.group(), process, process.parent(), orphaned);
                process.becomeZombie();
                kernel.outOfMemory().released(process);
                process.exitEvents().notify(1);
                announceLocked(process);
            }
        } finally {
            kernel.taskSet().unlock();
        }
        for (ProcessGroup group : orphaned) {
            group.signal(Signals.SIGHUP);
            group.signal(Signals.SIGCONT);
        }
        if (process.isZombie() && process.identity().namespace().level() == 0 && process.isInit()) {
            kernel.initExited(process);
        }
    }

    /** A process has ended: the tracer is told, or the parent, once nobody has to learn first of its threads. TASK_SET is held. */
    static void announceLocked(GuestProcess process) {
        if (process.zombieThreads > 0) {
            return;
        }
        Tracee tracee = process.leader().tracee();
        if (tracee != null && process.parent() != null && !process.parent().reapsAll) {
            ChildEvents.tracedExited(tracee, process.exitStatus());
            return;
        }
        if (tracee != null) {
            tracee.unlinkLocked();
        }
        if (ChildEvents.exited(process) || process.parent() != null && process.parent().reapsAll) {
            reapLocked(process);
        }
    }

    /** PR_SET_PDEATHSIG concerns the thread that made the child. */
    private static void parentThreadGone(Task task) {
        for (GuestProcess child : task.process().children) {
            if (child.parentThread == task) {
                child.parentThread = null;
                for (Task thread : child.threads) {
                    int signal = thread.parentDeathSignal();
                    if (signal != 0) {
                        child.signals().send(SignalInfo.sent(signal, dev.caisson.abi.SignalCodes.SI_USER,
                                task.process().identity().in(child.identity().namespace()), task.credentials().uid()),
                                thread.signals(), false);
                    }
                }
            }
        }
    }

    private static void reparentChildren(GuestProcess process, List<ProcessGroup> orphaned) {
        if (process.children.isEmpty()) {
            return;
        }
        GuestProcess reaper = reaperOf(process);
        for (GuestProcess child : new ArrayList<>(process.children)) {
            process.children.remove(child);
            child.parent(reaper, reaper == null ? null : reaper.leader());
            if (reaper == null) {
                if (child.isZombie()) {
                    forgetLocked(child);
                }
                continue;
            }
            reaper.children.add(child);
            child.adoptedByInit = reaper.isInit();
            child.exitSignal = Signals.SIGCHLD;
            if (child.isZombie() && child.leader().tracee() == null) {
                announceLocked(child);
            }
            collectOrphaned(child.group(), null, process, orphaned);
        }
    }

    private static GuestProcess reaperOf(GuestProcess process) {
        GuestProcess init = process.identity().namespace().init();
        for (GuestProcess at = process.parent(); at != null; at = at.parent()) {
            if (at == init || at.identity().namespace() != process.identity().namespace()) {
                break;
            }
            if (at.subreaper && !at.threads.isEmpty()) {
                return at;
            }
        }
        return init == process || init == null || init.threads.isEmpty() && !init.reapsAll ? null : init;
    }

    /** POSIX: a newly orphaned group with stopped members gets SIGHUP and SIGCONT. */
    private static void collectOrphaned(ProcessGroup group, GuestProcess leaving, GuestProcess parent, List<ProcessGroup> orphaned) {
        if (group != null && parent != null && parent.group() != group && parent.group() != null
                && parent.group().session() == group.session() && group.isOrphanedLocked(leaving) && group.hasStoppedLocked()
                && !orphaned.contains(group)) {
            orphaned.add(group);
        }
    }

    /** A zombie was waited for: its numbers are free and its parent has its usage. TASK_SET is held. */
    static void reapLocked(GuestProcess process) {
        GuestProcess parent = process.parent();
        if (parent != null && parent.children.remove(process)) {
            parent.waitedChildren.add(process.endedThreads);
            parent.waitedChildren.add(process.waitedChildren);
            parent.childEvents().notify(1);
        }
        forgetLocked(process);
    }

    private static void forgetLocked(GuestProcess process) {
        if (process.isReaped()) {
            return;
        }
        process.becomeReaped();
        if (process.leader().tracee() != null) {
            process.leader().tracee().unlinkLocked();
        }
        process.groupLocked(null);
        Pid identity = process.identity();
        identity.task = null;
        identity.process = null;
        identity.releaseIfUnused();
    }
}
