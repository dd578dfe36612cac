package dev.caisson.platform.kvm;

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

/** The kvm platform as a service. */
@Component(service = Platform.class, property = Platform.NAME + "=kvm", configurationPid = "caisson.kvm")
@Designate(ocd = KvmComponent.Config.class)
public final class KvmComponent implements Platform {
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

    private final KvmPlatform platform;

    /**
     * Starts the platform.
     *
     * @param properties as {@link Config}
     * @throws KvmUnusableException when this host has no KVM for us; the message says what to do
     */
    @Activate
    public KvmComponent(Map<String, Object> properties) throws KvmUnusableException {
        String device = String.valueOf(properties.getOrDefault("device.path", KvmPlatform.DEVICE)).trim();
        String count = String.valueOf(properties.getOrDefault("processor.count", 0)).trim();
        if (!count.matches("[0-9]{1,4}")) {
            throw new KvmUnusableException("processor.count=" + count + " in caisson.kvm.cfg is not a number of processors");
        }
        platform = new KvmPlatform(device, Integer.parseInt(count));
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
    @Deactivate
    public void close() {
        platform.close();
    }
}
