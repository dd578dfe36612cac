package dev.caisson.kernel;

import static dev.caisson.abi.Capability.CAP_CHECKPOINT_RESTORE;
import static dev.caisson.abi.Capability.CAP_SYS_ADMIN;
import static dev.caisson.abi.Capability.CAP_SYS_RESOURCE;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ERESTARTNOINTR;
import static dev.caisson.abi.Sched.CLONE_CHILD_CLEARTID;
import static dev.caisson.abi.Sched.CLONE_CHILD_SETTID;
import static dev.caisson.abi.Sched.CLONE_DETACHED;
import static dev.caisson.abi.Sched.CLONE_FILES;
import static dev.caisson.abi.Sched.CLONE_FS;
import static dev.caisson.abi.Sched.CLONE_NEWCGROUP;
import static dev.caisson.abi.Sched.CLONE_NEWIPC;
import static dev.caisson.abi.Sched.CLONE_NEWNET;
import static dev.caisson.abi.Sched.CLONE_NEWNS;
import static dev.caisson.abi.Sched.CLONE_NEWPID;
import static dev.caisson.abi.Sched.CLONE_NEWTIME;
import static dev.caisson.abi.Sched.CLONE_NEWUSER;
import static dev.caisson.abi.Sched.CLONE_NEWUTS;
import static dev.caisson.abi.Sched.CLONE_PARENT;
import static dev.caisson.abi.Sched.CLONE_PARENT_SETTID;
import static dev.caisson.abi.Sched.CLONE_PIDFD;
import static dev.caisson.abi.Sched.CLONE_SETTLS;
import static dev.caisson.abi.Sched.CLONE_SIGHAND;
import static dev.caisson.abi.Sched.CLONE_SYSVSEM;
import static dev.caisson.abi.Sched.CLONE_THREAD;
import static dev.caisson.abi.Sched.CLONE_VFORK;
import static dev.caisson.abi.Sched.CLONE_VM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Resource;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.kernel.ptrace.Tracing;
import dev.caisson.kernel.signal.SignalHandlers;
import dev.caisson.kernel.time.ProcessTimers;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Makes tasks: clone(2), with the checks of Linux's copy_process in their order. */
public final class TaskClone {
    private static final long ANY_NAMESPACE = Integer.toUnsignedLong(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID
            | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME);

    private final Task parent;
    private final CloneRequest request;
    private final Kernel kernel;

    private FdTable fds;
    private FsContext fs;
    private MemoryManager memory;
    private Namespaces namespaces;
    /** What the caller's tracer is told, 0 for nothing. */
    private int event;

    private TaskClone(Task parent, CloneRequest request) {
        this.parent = parent;
        this.request = request;
        this.kernel = parent.kernel();
    }

    /**
     * Makes a task as the caller asks, and with CLONE_VFORK waits until it has executed or exited.
     *
     * @param parent the calling task
     * @param request what it asks
     * @return the new task's id in the caller's pid namespace
     * @throws ErrnoException EINVAL, EPERM, EAGAIN, ENOMEM, EMFILE, EFAULT; ERESTARTNOINTR when a signal comes first
     */
    public static long clone(Task parent, CloneRequest request) throws ErrnoException {
        return new TaskClone(parent, request).run();
    }

    private long run() throws ErrnoException {
        check();
        if (parent.signals().hasWork()) {
            // A signal before fork is delivered before fork: the child does not inherit what is pending.
            throw ERESTARTNOINTR.error();
        }
        checkTaskLimit();
        TaskThreads.TaskThread thread = kernel.threads().reserve(request.has(CLONE_VM) ? TaskThreads.hint(parent.memory()) : 0);
        boolean started = false;
        int pidfd = -1;
        FileDescription pidfdDescription = null;
        Task child = null;
        try {
            copyNamespaces();
            GuestContext next = thread.context(parent.onPlatform().platform());
            memory = copyMemory(next);
            fs = copyFs();
            fds = copyFds();
            MemorySegment fpu = Arena.ofAuto().allocate(parent.context().fpuBytes(), 64);
            parent.context().saveFpu(fpu);
            if (request.has(CLONE_PIDFD)) {
                pidfd = parent.fds().reserve(true);
            }
            event = Tracing.cloneEvent(parent, request);
            child = link(fpu);
            Pid identity = child.identity();
            int tid = child.identity().in(parent.pidNamespace());
            if (pidfd >= 0) {
                pidfdDescription = PidFile.describe(kernel, child.process(), parent.credentials());
                try {
                    parent.memory().writeInt(request.pidfd(), pidfd);
                } catch (ErrnoException fault) {
                    unlink(child);
                    throw fault;
                }
                parent.fds().fill(pidfd, pidfdDescription);
                pidfd = -1;
            }
            if (request.has(CLONE_PARENT_SETTID)) {
                storeQuietly(parent.memory(), request.parentTid(), tid);
            }
            Completion vfork = null;
            if (request.has(CLONE_VFORK)) {
                vfork = new Completion();
                child.vforkDone = vfork;
            }
            started = true;
            if (next != null) {
                next.startBeside(parent.context());
            }
            thread.assign(child);
            Tracee tracee = parent.tracee();
            if (event != 0 && tracee != null) {
                tracee.event(event, identity);
            }
            if (vfork != null && waitForVfork(vfork) && tracee != null) {
                tracee.event(Ptrace.PTRACE_EVENT_VFORK_DONE, identity);
            }
            return tid;
        } finally {
            if (!started) {
                thread.cancel();
                undo(pidfd);
            }
        }
    }

    private boolean waitForVfork(Completion vfork) {
        try {
            vfork.awaitKillable(parent);
            return true;
        } catch (ErrnoException killed) {
            // The caller is to die: it leaves at the top of its loop, and the child goes on alone.
            return false;
        }
    }

    private void check() throws ErrnoException {
        if (request.has(CLONE_NEWNS) && request.has(CLONE_FS) || request.has(CLONE_NEWUSER) && request.has(CLONE_FS)) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_THREAD) && !request.has(CLONE_SIGHAND)) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_SIGHAND) && !request.has(CLONE_VM)) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_PARENT) && parent.process().isInit()) {
            throw EINVAL.error("clone: siblings of init");
        }
        if (request.has(CLONE_THREAD) && (request.has(CLONE_NEWUSER) || request.has(CLONE_NEWPID)
                || parent.namespaces().pidForChildren() != parent.pidNamespace())) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_PIDFD) && (request.has(CLONE_DETACHED) || request.has(CLONE_THREAD))) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_NEWIPC) && request.has(CLONE_SYSVSEM)) {
            throw EINVAL.error();
        }
        if (request.has(CLONE_NEWUSER)) {
            throw EINVAL.error("user namespaces are not configured");
        }
        if (request.has(CLONE_SETTLS) && Long.compareUnsigned(request.tls(), parent.memory().layout().addressLimit) >= 0) {
            throw EPERM.error("clone: a base beyond all addresses");
        }
    }

    private void checkTaskLimit() throws ErrnoException {
        Credentials credentials = parent.credentials();
        long limit = parent.process().limits().soft(Resource.RLIMIT_NPROC);
        UserAccount user = kernel.user(credentials.uid());
        if (credentials.uid() != 0 && !credentials.has(CAP_SYS_RESOURCE) && !credentials.has(CAP_SYS_ADMIN)
                && Long.compareUnsigned(user.tasks.get(), limit) >= 0) {
            throw EAGAIN.error("RLIMIT_NPROC");
        }
        if (kernel.taskCount() >= kernel.options().maximumTasks() || parent.process().set().isFull()) {
            throw EAGAIN.error("too many tasks");
        }
    }

    private void copyNamespaces() throws ErrnoException {
        namespaces = parent.namespaces();
        if ((request.flags() & ANY_NAMESPACE) == 0) {
            return;
        }
        namespaces = NamespaceCalls.copy(parent, request.flags());
    }

    private MemoryManager copyMemory(GuestContext next) throws ErrnoException {
        MemoryManager mine = parent.memory();
        if (request.has(CLONE_VM)) {
            mine.retain();
            try {
                mine.space().prepareContext(parent.context(), next);
            } catch (ErrnoException full) {
                mine.close();
                throw full;
            }
            return mine;
        }
        return mine.fork(parent.context());
    }

    private FsContext copyFs() throws ErrnoException {
        FsContext mine = parent.fs();
        if (request.has(CLONE_NEWNS)) {
            return mine.copyInNewNamespace();
        }
        if (request.has(CLONE_FS)) {
            mine.retain();
            return mine;
        }
        return mine.copy();
    }

    private FdTable copyFds() {
        FdTable mine = parent.fds();
        if (request.has(CLONE_FILES)) {
            mine.retain();
            return mine;
        }
        return mine.copy();
    }

    /** Makes the task and everything that finds it: numbers, parent, group. */
    private Task link(MemorySegment fpu) throws ErrnoException {
        GuestProcess own = parent.process();
        boolean isThread = request.has(CLONE_THREAD);
        kernel.taskSet().lock();
        try {
            if (own.isExiting() || own.executing != null && own.executing != parent) {
                throw ERESTARTNOINTR.error();
            }
            PidNamespace numbers = isThread ? parent.pidNamespace() : namespaces.pidForChildren();
            Pid identity = request.wantedTids().length == 0 ? numbers.allocate()
                    : numbers.allocate(request.wantedTids(), parent.credentials().has(CAP_CHECKPOINT_RESTORE)
                            || parent.credentials().has(CAP_SYS_ADMIN));
            GuestProcess process;
            if (isThread) {
                process = own;
            } else {
                SignalHandlers handlers = request.has(CLONE_SIGHAND) ? own.signals().handlers()
                        : request.clearHandlers() ? own.signals().handlers().cleared() : own.signals().handlers().copy();
                process = new GuestProcess(kernel, own.set(), identity, handlers, new ResourceLimits(own.limits()), request.exitSignal());
            }
            Task child = new Task(kernel, process, identity, parent.signals().mask());
            inherit(child);
            child.onPlatform().initialFpu(fpu);
            identity.task = child;
            if (!isThread) {
                process.leader(child);
                identity.process = process;
                adopt(process);
                if (numbers.init() == null) {
                    numbers.init(process);
                }
                if (!request.has(CLONE_VM)) {
                    MemoryManager mine = memory;
                    mine.limits(new ProcessMemoryLimits(process));
                }
            }
            process.threads.add(child);
            process.liveThreads++;
            process.signals().add(child.signals());
            if (!isThread && process.limits().soft(Resource.RLIMIT_CPU) != Resource.RLIM_INFINITY) {
                ProcessTimers.of(process).cpuTimers().limitChanged();
            }
            kernel.user(child.credentials().uid()).tasks.incrementAndGet();
            kernel.tasks().incrementAndGet();
            own.set().taskStarted();
            Tracing.inheritLocked(parent, child, request, event);
            return child;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    private void adopt(GuestProcess child) {
        GuestProcess own = parent.process();
        if (request.has(CLONE_PARENT)) {
            child.parent(own.parent(), own.parentThread);
            child.exitSignal = own.exitSignal;
        } else {
            child.parent(own, parent);
        }
        child.parent().children.add(child);
        child.thpDisabled = own.thpDisabled;
        child.oomScoreAdjustment(own.oomScoreAdjustment());
        child.groupLocked(own.group());
        child.terminalControl = own.terminalControl;
    }

    private void inherit(Task child) {
        child.credentials(parent.credentials());
        child.namespaces(namespaces);
        child.memory(memory);
        parent.program().retain();
        child.program(parent.program());
        child.fs(fs);
        child.fds(fds);
        child.initialComm(parent.comm());
        child.personality(parent.personality());
        child.scheduling().inherit(parent.scheduling());
        child.seccomp(parent.seccomp());
        if (parent.noNewPrivileges()) {
            child.setNoNewPrivileges();
        }
        // POSIX: the alternate stack is the parent's only in a copy of the address space (or a vfork).
        if (!request.has(CLONE_VM) || request.has(CLONE_VFORK)) {
            child.signals().alternateStack(parent.signals().alternateStack());
        }
        child.registers().copyFrom(parent.registers());
        child.registers().rax(0);
        child.registers().origRax(-1);
        if (request.stack() != 0) {
            child.registers().rsp(request.stack());
        }
        if (request.has(CLONE_SETTLS)) {
            child.registers().fsBase(request.tls());
        }
        if (request.has(CLONE_CHILD_CLEARTID)) {
            child.clearChildTid(request.childTid());
        }
        if (request.has(CLONE_CHILD_SETTID)) {
            child.storeTidAtStart(request.childTid());
        }
    }

    private void unlink(Task child) {
        kernel.taskSet().lock();
        try {
            GuestProcess process = child.process();
            if (child.tracee() != null) {
                child.tracee().unlinkLocked();
            }
            process.threads.remove(child);
            process.liveThreads--;
            process.signals().remove(child.signals());
            kernel.user(child.credentials().uid()).tasks.decrementAndGet();
            kernel.tasks().decrementAndGet();
            process.set().taskEnded();
            child.program().release();
            Pid identity = child.identity();
            identity.task = null;
            if (process.leader() == child) {
                process.parent().children.remove(process);
                process.groupLocked(null);
                identity.process = null;
            }
            identity.releaseIfUnused();
        } finally {
            kernel.taskSet().unlock();
        }
    }

    private void undo(int pidfd) {
        if (pidfd >= 0) {
            parent.fds().unreserve(pidfd);
        }
        if (fds != null) {
            fds.release();
        }
        if (fs != null) {
            fs.release();
        }
        if (memory != null) {
            memory.close();
        }
    }

    static void storeQuietly(MemoryManager memory, long address, int value) {
        try {
            memory.writeInt(address, value);
        } catch (ErrnoException fault) {
            // put_user() in Linux's clone is not checked either: the tid is told by the result as well.
            return;
        }
    }

    static void requireAdmin(Task task) throws ErrnoException {
        if (!task.credentials().has(CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
    }
}
