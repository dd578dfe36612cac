package dev.caisson.platform.ptrace;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.ForwardingPlatform;
import dev.caisson.spi.platform.Platform;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** The ptrace platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=ptrace")
public final class PtraceComponent extends ForwardingPlatform {
    /**
     * Starts the platform.
     *
     * @throws ErrnoException when the host has no memory for it
     */
    @Activate
    public PtraceComponent() throws ErrnoException {
        super(new PtracePlatform());
    }

    @Override
    @Deactivate
    public void close() {
        super.close();
    }
}
