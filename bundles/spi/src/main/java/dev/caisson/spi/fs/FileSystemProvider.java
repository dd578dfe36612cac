package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A kind of filesystem. Implementations are OSGi services that carry {@link #NAME}; those that can serve a root filesystem also carry
 * {@link #ROOT}.
 */
@ConsumerType
public interface FileSystemProvider {
    /** Service property: the name in /proc/filesystems and mount(2), by which configuration chooses a provider. */
    String NAME = "caisson.name";

    /** Service property, Boolean: whether the provider can serve a container's root filesystem. */
    String ROOT = "caisson.rootfs";

    /** {@return the name, as in /proc/filesystems} */
    String name();

    /** {@return whether a guest with CAP_SYS_ADMIN may mount it with mount(2)} */
    boolean isGuestMountable();

    /**
     * Mounts.
     *
     * @param request source, flags and options
     * @return a new or shared instance
     * @throws ErrnoException EINVAL for unknown options, ENOENT, ENOTDIR, EACCES for the source
     */
    FileSystem mount(MountRequest request) throws ErrnoException;
}
