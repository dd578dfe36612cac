package dev.caisson.fs.sys;

import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** The component that brings sysfs to every kernel. */
@Component(property = KernelFileSystem.NAME + "=sysfs")
public final class SysKernelFileSystem implements KernelFileSystem {
    /** Makes the component. */
    @Activate
    public SysKernelFileSystem() {}

    @Override
    public FileSystemProvider bind(Kernel kernel) {
        return new SysProvider(kernel);
    }
}
