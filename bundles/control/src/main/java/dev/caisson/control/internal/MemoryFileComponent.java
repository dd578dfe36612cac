package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.memory.MemoryFile;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** Offers this process' guest memory as a service: filesystems keep their pages in it. */
@Component(service = {}, immediate = true)
public final class MemoryFileComponent {
    /** Null when somebody else registered one. */
    private final MemoryFile memoryFile;
    private final ServiceRegistration<MemoryFile> registration;

    /**
     * Makes and registers the memory file.
     *
     * @param context of the control bundle
     * @throws ErrnoException when the host refuses
     */
    @Activate
    public MemoryFileComponent(BundleContext context) throws ErrnoException {
        if (context.getServiceReference(MemoryFile.class) == null) {
            memoryFile = SandboxBuilder.newMemoryFile();
            registration = context.registerService(MemoryFile.class, memoryFile, null);
        } else {
            memoryFile = null; // a sandbox was there before the container, and brought its own
            registration = null;
        }
    }

    @Deactivate
    void close() {
        if (registration != null) {
            registration.unregister();
            memoryFile.close();
        }
    }
}
