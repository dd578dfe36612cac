package dev.caisson.platform.systrap;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.Map;
import java.util.Set;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The systrap platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=systrap", configurationPid = "caisson.systrap")
@Designate(ocd = SystrapComponent.Config.class)
public final class SystrapComponent implements Platform {
    /** What {@code etc/caisson.systrap.cfg} may say. */
    @ObjectClassDefinition(name = "systrap platform")
    @interface Config {
        /** {@return whether system-call sites that are used often are rewritten} */
        @AttributeDefinition(description = "Rewrite system-call sites that are used often, so that they cost no signal")
        boolean rewrite() default true;
    }

    private final SystrapPlatform platform;

    /**
     * Starts the platform.
     *
     * @param properties as {@link Config}
     * @throws ErrnoException when the host has no memory for it
     */
    @Activate
    public SystrapComponent(Map<String, Object> properties) throws ErrnoException {
        boolean rewrite = Boolean.parseBoolean(String.valueOf(properties.getOrDefault("rewrite", "true")).trim());
        platform = new SystrapPlatform(SystrapPlatform.PATIENCE_NS, rewrite);
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
