package dev.caisson.kernel;

import dev.caisson.spi.fs.FileSystemProvider;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A kind of filesystem that shows the kernel itself: proc, sysfs. Implementations are OSGi services that carry {@link #NAME}; each kernel binds
 * them when it boots.
 */
@ConsumerType
public interface KernelFileSystem {
    /** Service property: the name in /proc/filesystems. */
    String NAME = "caisson.name";

    /**
     * Binds the kind to one kernel.
     *
     * @param kernel what its files show
     * @return a provider whose mounts show this kernel
     */
    FileSystemProvider bind(Kernel kernel);
}
