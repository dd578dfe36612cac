package dev.caisson.fs.proc;

import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/** The component that brings proc to every kernel. */
@Component(property = KernelFileSystem.NAME + "=proc")
public final class ProcKernelFileSystem implements KernelFileSystem {
    /** Makes the component. */
    @Activate
    public ProcKernelFileSystem() {}

    @Override
    public FileSystemProvider bind(Kernel kernel) {
        return new ProcProvider(kernel);
    }
}
