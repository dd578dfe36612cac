package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What runs the guest code of a task: a context of the platform of the moment, and the FPU state while there is none. For its own thread. */
final class TaskContext {
    private final Task task;
    /** Others may look. */
    private volatile GuestContext context;
    /** FPU state to begin with; null for that of a new process. */
    private MemorySegment initialFpu;
    /** What {@link #context} is of, and whether it has yet to run for the first time. */
    private Platform platform;
    private boolean isUnproved;

    TaskContext(Task task) {
        this.task = task;
    }

    /** The context; null before the start, after the end, and while the platform is changed. */
    GuestContext current() {
        return context;
    }

    /** FPU state to begin with; before the start. */
    void initialFpu(MemorySegment image) {
        initialFpu = image;
    }

    /** Makes the context on the current platform and gives it the FPU state that was kept. */
    void attach() throws ErrnoException {
        platform = task.kernel().platform();
        isUnproved = true;
        context = null;
        GuestContext next = Thread.currentThread() instanceof TaskThreads.TaskThread own ? own.takeContext(platform) : null;
        if (next == null) {
            next = platform.newContext();
        }
        try {
            if (initialFpu != null) {
                next.restoreFpu(initialFpu);
            }
        } catch (ErrnoException e) {
            next.close();
            throw e;
        }
        context = next;
    }

    /** The platform that the context is of. */
    Platform platform() {
        return platform;
    }

    /** Whether the context has not run guest code yet. */
    boolean isUnproved() {
        return isUnproved;
    }

    /** The context ran guest code: the state to begin with is of no use any more. */
    void proved() {
        isUnproved = false;
        initialFpu = null;
        task.kernel().platformChanges().proved(platform);
    }

    /** Takes the FPU state out and closes the context, for a change of platform. */
    void detach() throws ErrnoException {
        GuestContext old = context;
        if (old == null) {
            return;
        }
        context = null;
        try {
            MemorySegment image = Arena.ofAuto().allocate(old.fpuBytes(), 64);
            old.saveFpu(image);
            initialFpu = image;
        } catch (ErrnoException e) {
            if (!isUnproved) {
                throw e;
            }
            // A platform that never ran it: what it was to begin with is still right.
        } finally {
            old.close();
        }
    }

    /** Closes the context at exit. */
    void close() {
        GuestContext old = context;
        context = null;
        if (old == null) {
            return;
        }
        if (Thread.currentThread() instanceof TaskThreads.TaskThread own) {
            own.leaveContext(old, platform, task.memory());
        } else {
            old.close();
        }
    }
}
