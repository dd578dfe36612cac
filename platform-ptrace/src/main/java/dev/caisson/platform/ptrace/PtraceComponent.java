package dev.caisson.platform.ptrace;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Set;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** The ptrace platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=ptrace")
public final class PtraceComponent implements Platform {
    private final PtracePlatform platform;

    /**
     * Starts the platform.
     *
     * @throws ErrnoException when the host has no memory for it
     */
    @Activate
    public PtraceComponent() throws ErrnoException {
        platform = new PtracePlatform();
    }

    @Override
    public String name() {
        return platform.name();
    }

    @Override
    public Set<Capability> capabilities() {
        return platform.capabilities();
    }

    @Override
    public long addressLimit() {
        return platform.addressLimit();
    }

    @Override
    public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
        return platform.newAddressSpace(memoryFile);
    }

    @Override
    public GuestContext newContext() {
        return platform.newContext();
    }

    @Override
    public void kill(int memoryFile) {
        platform.kill(memoryFile);
    }

    @Override
    @Deactivate
    public void close() {
        platform.close();
    }
}
