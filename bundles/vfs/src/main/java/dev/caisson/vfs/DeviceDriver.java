package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;

/** Opens the device behind a character or block special file. */
@FunctionalInterface
public interface DeviceDriver {
    /**
     * Opens.
     *
     * @param inode the special file
     * @param device its device number, see {@link dev.caisson.spi.fs.DeviceNumbers}
     * @param flags {@code O_*}
     * @param opener the task that opens; the kernel's task object, so a driver may ask it for more than a {@link Caller} tells
     * @return a new open file
     * @throws ErrnoException ENXIO, EBUSY, EIO
     */
    OpenFile open(Inode inode, long device, int flags, Caller opener) throws ErrnoException;
}
