package dev.caisson.kernel.unix;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.net.SocketCaller;

/** The task that uses a local socket: it can also resolve paths. */
public interface UnixCaller extends SocketCaller {
    /**
     * Creates the node of a socket that is bound to a path.
     *
     * @param path from the caller's working directory
     * @return an inode of type S_IFSOCK
     * @throws ErrnoException EADDRINUSE when the name exists, and those of mknod(2)
     */
    Inode createSocketNode(String path) throws ErrnoException;

    /**
     * Finds the node of a socket, for writing.
     *
     * @param path from the caller's working directory
     * @return any inode
     * @throws ErrnoException those of the path walk, EACCES without write permission
     */
    Inode findSocketNode(String path) throws ErrnoException;
}
