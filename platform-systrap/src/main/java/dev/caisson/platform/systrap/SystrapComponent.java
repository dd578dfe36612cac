package dev.caisson.platform.systrap;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.ForwardingPlatform;
import dev.caisson.spi.platform.Platform;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The systrap platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=systrap", configurationPid = "caisson.systrap")
@Designate(ocd = SystrapComponent.Config.class)
public final class SystrapComponent extends ForwardingPlatform {
    /** What {@code etc/caisson.systrap.cfg} may say. */
    @ObjectClassDefinition(name = "systrap platform")
    @interface Config {
        /** {@return whether system-call sites that are used often are rewritten} */
        @AttributeDefinition(description = "Rewrite system-call sites that are used often, so that they cost no signal")
        boolean rewrite() default true;
    }

    /**
     * Starts the platform.
     *
     * @param properties as {@link Config}
     * @throws ErrnoException when the host has no memory for it
     */
    @Activate
    public SystrapComponent(Map<String, Object> properties) throws ErrnoException {
        super(new SystrapPlatform(SystrapPlatform.PATIENCE_NS,
                Boolean.parseBoolean(String.valueOf(properties.getOrDefault("rewrite", "true")).trim())));
    }

    @Override
    @Deactivate
    public void close() {
        super.close();
    }
}
