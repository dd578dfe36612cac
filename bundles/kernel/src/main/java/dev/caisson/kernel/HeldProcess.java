package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ExecutionException;

/**
 * A process that comes from outside, from the moment it has its number. It runs no program before {@link #start}; until then it can be
 * seen, entered by others, and {@linkplain #cancel given up}. Afterwards it says when it has ended. Thread-safe.
 */
public final class HeldProcess {
    /** A thread that files of proc take for the process' own. */
    private static final class SetUp extends Thread implements JobControl.Holder {
        private final Task task;

        SetUp(Task task, Runnable work) {
            super(work, "set-up");
            this.task = task;
            setDaemon(true);
        }

        @Override
        public JobControl jobControl() {
            return task;
        }
    }

    /** exit(1), as wait(2) tells it. */
    private static final int EXIT_FAILURE = 1 << 8;

    private final Kernel kernel;
    private final Task task;
    private final GuestProcess process;
    private final CountDownLatch ended = new CountDownLatch(1);
    /** Guarded by this. */
    private boolean isHeld = true;

    private HeldProcess(Kernel kernel, Task task) {
        this.kernel = kernel;
        this.task = task;
        this.process = task.process();
        process.exitEvents().add(events -> ended.countDown(), -1);
        process.held = this;
    }

    /**
     * Gives a new process its number. The first one of a kernel is process 1 of the sandbox, the first one of a pid namespace is its
     * process 1.
     *
     * @param kernel the kernel
     * @param settings what it begins with
     * @param fs root, working directory, umask; the process takes over the reference, unless this fails
     * @param fds its descriptors; as {@code fs}
     * @return the process
     * @throws ErrnoException EAGAIN when its namespace has no process 1 any more, EINVAL for a filter that is none
     */
    public static HeldProcess make(Kernel kernel, ProcessSettings settings, FsContext fs, FdTable fds) throws ErrnoException {
        boolean isFirst = kernel.init() == null && settings.namespaces().pidForChildren() == kernel.rootPids();
        Task task = ProcessStart.link(kernel, settings, fs, fds, isFirst);
        if (isFirst) {
            kernel.init(task.process());
        }
        task.process().fileLimitChanged();
        return new HeldProcess(kernel, task);
    }

    /** {@return the process} */
    public GuestProcess process() {
        return process;
    }

    /**
     * Does something with all rights of root on a thread that files of proc take for the process' own, as /proc/sys needs it. Before the start only.
     *
     * @param <T> what comes of it
     * @param work what to do
     * @return what came of it
     * @throws ErrnoException as the work
     * @throws InterruptedException when the calling thread is interrupted
     */
    public synchronized <T> T asRoot(Callable<T> work) throws ErrnoException, InterruptedException {
        if (!isHeld) {
            throw new IllegalStateException("the process runs");
        }
        Credentials own = task.credentials();
        task.credentials(Credentials.ROOT);
        try {
            FutureTask<T> future = new FutureTask<>(work);
            new SetUp(task, future).start();
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ErrnoException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            task.credentials(own);
        }
    }

    /**
     * Loads the program and lets the process go. When that fails, the process is gone.
     *
     * @param path of the program, resolved as the process does
     * @param arguments argv
     * @param environment {@code NAME=value}
     * @return false when it was given up before
     * @throws ErrnoException as execve(2)
     */
    public synchronized boolean start(String path, List<String> arguments, List<String> environment) throws ErrnoException {
        if (!isHeld) {
            return false;
        }
        isHeld = false;
        boolean isRunning = false;
        try {
            process.exitStatusLocked(EXIT_FAILURE); // nobody else writes it before the process runs
            ProcessStart.load(task, path, arguments, environment);
            isRunning = true;
        } finally {
            if (!isRunning) {
                kernel.initExited(process);
            }
        }
        return true;
    }

    /**
     * Ends the process before it has begun, as by SIGKILL, and with process 1 the others of its namespace.
     *
     * @return false when it was started or given up before
     */
    public synchronized boolean cancel() {
        if (!isHeld) {
            return false;
        }
        process.exitStatusLocked(Signals.SIGKILL); // nobody else writes it before the process runs
        drop();
        kernel.initExited(process);
        return true;
    }

    /** As if the process had never been made: the next one may be process 1 in its place. Does nothing after {@link #start}. */
    public synchronized void abandon() {
        if (isHeld) {
            drop();
            if (kernel.init() == process) {
                kernel.init(null);
            }
        }
    }

    private void drop() {
        isHeld = false;
        PidNamespace pids = process.identity().namespace();
        if (pids.init() == process) {
            for (GuestProcess other : pids.processes()) {
                if (other != process) {
                    other.kill();
                }
            }
        }
        ProcessStart.unlink(task);
    }

    /** {@return whether it has a program} */
    public synchronized boolean isStarted() {
        return !isHeld;
    }

    /** {@return whether it has ended} */
    public boolean hasEnded() {
        return process.isZombie();
    }

    /**
     * Waits for its end.
     *
     * @return its status as wait(2) tells it
     * @throws InterruptedException when the calling thread is interrupted
     */
    public int awaitEnd() throws InterruptedException {
        if (!process.isZombie()) {
            ended.await();
        }
        return process.exitStatus();
    }
}
