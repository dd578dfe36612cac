package dev.caisson.platform.kvm;

import dev.caisson.spi.platform.ForwardingPlatform;
import dev.caisson.spi.platform.Platform;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The kvm platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=kvm", configurationPid = "caisson.kvm")
@Designate(ocd = KvmComponent.Config.class)
public final class KvmComponent extends ForwardingPlatform {
    /** What {@code etc/caisson.kvm.cfg} may say. */
    @ObjectClassDefinition(name = "KVM platform")
    public @interface Config {
        /** {@return the device node to open} */
        @AttributeDefinition(description = "Device node to open")
        String device_path() default KvmPlatform.DEVICE;

        /** {@return how many virtual processors a sandbox may have} */
        @AttributeDefinition(description = "Virtual processors a sandbox may have at most; 0 means two for each of the host's")
        int processor_count() default 0;
    }

    /**
     * Starts the platform.
     *
     * @param properties as {@link Config}
     * @throws KvmUnusableException when this host has no KVM for us; the message says what to do
     */
    @Activate
    public KvmComponent(Map<String, Object> properties) throws KvmUnusableException {
        super(open(properties));
    }

    private static KvmPlatform open(Map<String, Object> properties) throws KvmUnusableException {
        String device = String.valueOf(properties.getOrDefault("device.path", KvmPlatform.DEVICE)).trim();
        String count = String.valueOf(properties.getOrDefault("processor.count", 0)).trim();
        if (!count.matches("[0-9]{1,4}")) {
            throw new KvmUnusableException("processor.count=" + count + " in caisson.kvm.cfg is not a number of processors");
        }
        return new KvmPlatform(device, Integer.parseInt(count),
            new Crowd(Runtime.getRuntime().availableProcessors(), Crowd.HASTY));
    }

    @Override
    @Deactivate
    public void close() {
        super.close();
    }
}
