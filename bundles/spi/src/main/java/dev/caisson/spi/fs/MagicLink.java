package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;

/** A symbolic link of proc(5) that leads to an object rather than a path. Implemented by the {@link Inode} itself. */
public interface MagicLink {
    /**
     * Where it leads.
     *
     * @param credentials of the task that follows it
     * @return a location of the VFS ({@code dev.caisson.vfs.Location}); typed loosely since this layer lies below
     * @throws ErrnoException EACCES, ENOENT
     */
    Object follow(Credentials credentials) throws ErrnoException;
}
