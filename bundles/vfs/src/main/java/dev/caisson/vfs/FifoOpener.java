package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;

/** Opens FIFOs; the kernel's pipes register one with {@link Vfs#fifoOpener(FifoOpener)}. */
@FunctionalInterface
public interface FifoOpener {
    /**
     * Opens a FIFO; its pipe hangs on the inode. Waits for the other end as fifo(7) says. No ranked lock is held.
     *
     * @param inode an inode of type S_IFIFO, of any filesystem or of {@link AnonymousFiles}
     * @param flags {@code O_*}
     * @param opener who opens, and waits
     * @return the open file
     * @throws ErrnoException ENXIO for O_WRONLY|O_NONBLOCK without reader, ERESTARTSYS
     */
    OpenFile open(Inode inode, int flags, Caller opener) throws ErrnoException;
}
