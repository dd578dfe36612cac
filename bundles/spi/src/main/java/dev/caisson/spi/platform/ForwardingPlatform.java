package dev.caisson.spi.platform;

import dev.caisson.abi.ErrnoException;
import java.util.Set;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A platform that is another one, but for what subclasses change: components, and wrappers that measure or rename. A method that the
 * contract gains is forwarded here, once.
 */
@ConsumerType
public abstract class ForwardingPlatform implements Platform {
    private final Platform platform;

    /**
     * For subclasses.
     *
     * @param platform the other one
     */
    protected ForwardingPlatform(Platform platform) {
        this.platform = platform;
    }

    /** {@return the other one} */
    protected final Platform platform() {
        return platform;
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
    public void close() {
        platform.close();
    }
}
