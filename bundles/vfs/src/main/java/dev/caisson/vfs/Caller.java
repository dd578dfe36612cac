package dev.caisson.vfs;

import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Blocker;

/** The task on whose behalf files are used, as far as the VFS needs it. */
public interface Caller extends Blocker {
    /** {@return who asks} */
    Credentials credentials();

    /** {@return root, working directory, umask} */
    FsContext fs();

    /** {@return RLIMIT_FSIZE in bytes; {@link Long#MAX_VALUE} for no limit} */
    default long fileSizeLimit() {
        return Long.MAX_VALUE;
    }
}
