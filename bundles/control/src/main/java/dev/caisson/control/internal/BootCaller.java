package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FsContext;

/**
 * Who sets files up before there is a task. Never waits.
 *
 * @param fs root and working directory
 * @param credentials whose rights count
 */
public record BootCaller(FsContext fs, Credentials credentials) implements Caller {
    @Override
    public Waiter waiter() {
        return mask -> { };
    }

    @Override
    public boolean block(long deadlineNs) throws ErrnoException {
        throw Errno.EAGAIN.error("nothing may wait while a sandbox is set up");
    }
}
