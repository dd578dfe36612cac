package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/** A file that can be sealed, fcntl(2) F_ADD_SEALS: implemented by the {@link Inode} of tmpfs files. */
@ConsumerType
public interface SealedFile {
    /** {@return {@code F_SEAL_*}} */
    int seals();

    /**
     * Adds seals.
     *
     * @param seals {@code F_SEAL_*}
     * @throws ErrnoException EINVAL for unknown seals, EPERM when sealed against sealing, EBUSY for F_SEAL_WRITE while mapped writable
     */
    void addSeals(int seals) throws ErrnoException;

    /** Takes F_SEAL_SEAL away, which files start with: the file was made by memfd_create(2) with MFD_ALLOW_SEALING. */
    void allowSealing();
}
