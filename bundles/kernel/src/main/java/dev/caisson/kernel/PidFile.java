package dev.caisson.kernel;

import dev.caisson.abi.Poll;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FileDescription;

/** A pidfd: pidfd_open(2), CLONE_PIDFD. Readable when the process has ended. */
public final class PidFile extends OpenFile {
    private final GuestProcess process;

    private PidFile(GuestProcess process) {
        this.process = process;
    }

    /**
     * Makes a description of a pidfd.
     *
     * @param kernel the kernel
     * @param process what it refers to
     * @param owner who opens it
     * @return a description with one reference
     */
    public static FileDescription describe(Kernel kernel, GuestProcess process, Credentials owner) {
        return kernel.vfs().anonymous().describe("[pidfd]", new PidFile(process), 2, owner);
    }

    /** {@return what it refers to; it may be gone} */
    public GuestProcess process() {
        return process;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public int readiness(int mask) {
        return process.isZombie() ? mask & (Poll.POLLIN | Poll.POLLRDNORM) : 0;
    }

    @Override
    public WaitQueue waitQueue() {
        return process.exitEvents();
    }
}
