package dev.caisson.kernel.ipc;

import dev.caisson.memory.MemoryFile;

/** One IPC namespace, ipc_namespaces(7). */
public final class IpcNamespace {
    private final long number;
    private final SharedMemory sharedMemory;
    private final IpcLimits limits = new IpcLimits();
    private final Semaphores semaphores = new Semaphores(limits);
    private final MessageQueues messageQueues = new MessageQueues(limits);
    private final PosixQueues posixQueues = new PosixQueues(limits);

    /**
     * Makes an empty namespace.
     *
     * @param number inode number of its nsfs link
     * @param frames where shared memory lives
     */
    public IpcNamespace(long number, MemoryFile frames) {
        this.number = number;
        this.sharedMemory = new SharedMemory(frames, limits);
    }

    /** {@return the inode number of its nsfs link} */
    public long number() {
        return number;
    }

    /** {@return what /proc/sys/kernel sets} */
    public IpcLimits limits() {
        return limits;
    }

    /** {@return shared memory segments} */
    public SharedMemory sharedMemory() {
        return sharedMemory;
    }

    /** {@return semaphore sets} */
    public Semaphores semaphores() {
        return semaphores;
    }

    /** {@return System V message queues} */
    public MessageQueues messageQueues() {
        return messageQueues;
    }

    /** {@return POSIX message queues} */
    public PosixQueues posixQueues() {
        return posixQueues;
    }
}
