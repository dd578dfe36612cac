package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;

/** Where the descriptors of a container's process come from. */
public interface ContainerStdio extends AutoCloseable {
    /**
     * Makes the process' descriptors. Called once, when everything is mounted.
     *
     * @param kernel the kernel
     * @param devices its devices
     * @param fs root directory of the container
     * @return a table with one reference, which is the process'
     * @throws ErrnoException EMFILE and others
     */
    FdTable table(Kernel kernel, SandboxDevices devices, FsContext fs) throws ErrnoException;

    /**
     * Makes the terminal, if there is one, that of the process' session, before the program begins.
     *
     * @param process leader of its session
     */
    void control(GuestProcess process);

    /** The process has ended, or will not be. */
    @Override
    void close();
}
