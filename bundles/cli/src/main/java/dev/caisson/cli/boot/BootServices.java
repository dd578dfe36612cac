package dev.caisson.cli.boot;

import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.util.Dictionary;
import java.util.Hashtable;
import java.util.List;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.Constants;

/**
 * Gives the parts of a sandbox that runs already to the container, so that it has them instead of making its own. What has state is
 * registered in front of the component it was made like, and in the name of the same bundle: it goes when the bundle goes.
 */
public final class BootServices {
    private final BootParts parts;

    /**
     * For one container.
     *
     * @param parts what the sandbox runs on
     */
    public BootServices(BootParts parts) {
        this.parts = parts;
    }

    /**
     * Registers what belongs to the sandbox itself; before any bundle starts that would make another one.
     *
     * @param context of the system bundle
     */
    public void registerMemory(BundleContext context) {
        context.registerService(MemoryFile.class, parts.memoryFile(), null);
        for (BootParts.Part part : parts.of(SandboxDevices.class.getName())) {
            context.registerService(SandboxDevices.class, (SandboxDevices) part.instance(), properties(part));
        }
    }

    /**
     * Registers platform and network in the name of their bundles, which are started.
     *
     * @param context of the system bundle
     */
    public void registerProviders(BundleContext context) {
        for (Class<?> service : List.of(Platform.class, NetworkStack.class)) {
            for (BootParts.Part part : parts.of(service.getName())) {
                Bundle owner = owner(context, part.component().bundle());
                if (owner != null && owner.getBundleContext() != null) {
                    owner.getBundleContext().registerService(service.getName(), part.instance(), properties(part));
                    closeWith(owner, part.instance(), context);
                }
            }
        }
    }

    private static Bundle owner(BundleContext context, String symbolicName) {
        for (Bundle bundle : context.getBundles()) {
            if (symbolicName.equals(bundle.getSymbolicName())) {
                return bundle;
            }
        }
        return null;
    }

    private static Dictionary<String, Object> properties(BootParts.Part part) {
        Dictionary<String, Object> properties = new Hashtable<>(part.component().properties());
        properties.put(Constants.SERVICE_RANKING, Integer.MAX_VALUE);
        return properties;
    }

    /** When the bundle has stopped, its service is gone and sandboxes have moved to another provider. */
    private static void closeWith(Bundle owner, Object instance, BundleContext context) {
        if (instance instanceof AutoCloseable closeable) {
            context.addBundleListener(event -> {
                if (event.getBundle() == owner && event.getType() == BundleEvent.STOPPED) {
                    try {
                        closeable.close();
                    } catch (Exception e) {
                        throw new IllegalStateException("cannot close " + instance, e);
                    }
                }
            });
        }
    }
}
