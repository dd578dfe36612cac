package dev.caisson.cli;

import dev.caisson.cli.boot.BootPlan;
import dev.caisson.cli.boot.BootServices;
import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Dictionary;
import java.util.HashMap;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.felix.framework.FrameworkFactory;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.framework.startlevel.FrameworkStartLevel;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;

/**
 * The OSGi framework in this process. Up to start level {@value #PROGRAM_LEVEL} it holds what a program needs; file watcher and shell
 * follow while the program runs. It is not stopped: the process ends, and sandboxes are closed before.
 */
final class Container {
    private static final int CONFIGURATION_LEVEL = 1;
    private static final int PROGRAM_LEVEL = 3;
    private static final int MANAGEMENT_LEVEL = 5;
    private static final int SHELL_LEVEL = 6;
    private static final long SERVICE_TIMEOUT_MS = 10_000;

    private final Framework framework;
    private final boolean hasShell;

    private Container(Framework framework, boolean hasShell) {
        this.framework = framework;
        this.hasShell = hasShell;
    }

    /**
     * Starts the framework and every bundle that a program needs.
     *
     * @param home where the bundles are
     * @param storage a directory for the framework
     * @param hasShell whether standard input is for the operator's shell
     * @param boot what a running sandbox brings along, or null
     * @return the running container
     * @throws SandboxException when it cannot be started
     */
    static Container start(Home home, Path storage, boolean hasShell, BootServices boot) throws SandboxException {
        try {
            Map<String, Object> properties = new HashMap<>(properties(home, storage, hasShell));
            properties.put("felix.log.logger", new FrameworkLog());
            @SuppressWarnings({"unchecked", "rawtypes"}) // Felix takes this one object among the strings
            Framework framework = new FrameworkFactory().newFramework((Map) properties, new ClassPathConnector());
            Container container = new Container(framework, hasShell);
            framework.init();
            container.install(home);
            framework.start();
            container.configure(home);
            if (boot != null) {
                boot.registerMemory(framework.getBundleContext());
            }
            container.reach(PROGRAM_LEVEL);
            if (boot != null) {
                boot.registerProviders(framework.getBundleContext());
            }
            return container;
        } catch (IOException | BundleException e) {
            throw new SandboxException("cannot start the framework: " + e.getMessage(), e);
        }
    }

    private static Map<String, String> properties(Home home, Path storage, boolean hasShell) {
        Map<String, String> map = new HashMap<>();
        map.put(Constants.FRAMEWORK_STORAGE, storage.toString());
        map.put(Constants.FRAMEWORK_STORAGE_CLEAN, Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT);
        map.put(Constants.FRAMEWORK_BEGINNING_STARTLEVEL, Integer.toString(CONFIGURATION_LEVEL));
        map.put(Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA, ExportedLibraries.PACKAGES);
        map.put("felix.startlevel.bundle", Integer.toString(PROGRAM_LEVEL));
        map.put("felix.cache.locking", "false");
        // Handlers for bundle: URLs outside of the framework cost a search for providers in every jar.
        map.put("felix.service.urlhandlers", Boolean.toString(hasShell));
        map.put("felix.shutdown.hook", "false");
        map.put("felix.log.level", "1");
        map.put("ds.showtrace", "false");
        // A component that cannot be activated is reported by whoever wants its service, with the reason; the stack trace is for --debug.
        if (Logging.isDebugSet()) {
            map.put("ds.loglevel", "error");
        } else {
            map.put("ds.showerrors", "false");
        }
        map.put("felix.fileinstall.dir", home.etc() + "," + home.deploy());
        map.put("felix.fileinstall.tmpdir", storage.resolve("fileinstall").toString());
        map.put("felix.fileinstall.poll", "1000");
        map.put("felix.fileinstall.filter", BootPlan.MANAGED.pattern());
        map.put("felix.fileinstall.noInitialDelay", "true");
        map.put("felix.fileinstall.enableConfigSave", "false");
        map.put("felix.fileinstall.start.level", Integer.toString(MANAGEMENT_LEVEL));
        map.put("felix.fileinstall.log.level", "1");
        map.put("gosh.args", hasShell ? "" : "--nointeractive --noshutdown");
        map.put("gosh.home", home.directory().toString());
        map.put("caisson.home", home.directory().toString());
        return map;
    }

    private void install(Home home) throws IOException, BundleException {
        BundleContext context = framework.getBundleContext();
        Properties levels = home.startLevels();
        List<Bundle> installed = new ArrayList<>();
        for (Path jar : home.bundles()) {
            Bundle bundle = context.installBundle(ClassPathConnector.SCHEME + jar);
            String name = jar.getFileName().toString();
            String level = levels.getProperty(name.substring(0, name.length() - ".jar".length()));
            if (level != null) {
                bundle.adapt(BundleStartLevel.class).setStartLevel(Integer.parseInt(level));
            }
            installed.add(bundle);
        }
        for (Bundle bundle : installed) {
            bundle.start(Bundle.START_ACTIVATION_POLICY); // runs when its level is reached
        }
    }

    /**
     * Hands etc/ to ConfigAdmin before the components start. Each configuration carries the mark by which FileInstall, which starts
     * later, recognises it as its own.
     */
    private void configure(Home home) throws IOException, SandboxException {
        ConfigurationAdmin admin = service(ConfigurationAdmin.class);
        for (Path file : home.configurations()) {
            String name = file.getFileName().toString();
            String pid = name.substring(0, name.length() - ".cfg".length());
            Dictionary<String, Object> values = new Hashtable<>();
            Properties properties = Home.properties(file);
            properties.stringPropertyNames().forEach(key -> values.put(key, properties.getProperty(key)));
            values.put("felix.fileinstall.filename", file.toUri().toString());
            Configuration configuration = admin.getConfiguration(pid, "?");
            configuration.update(values);
        }
    }

    /**
     * Finds a service, and waits a while for it.
     *
     * @param type its interface
     * @param <T> its interface
     * @return the service
     * @throws SandboxException when it does not come
     */
    <T> T service(Class<T> type) throws SandboxException {
        BundleContext context = framework.getBundleContext();
        long deadline = System.nanoTime() + SERVICE_TIMEOUT_MS * 1_000_000;
        while (true) {
            ServiceReference<T> reference = context.getServiceReference(type);
            T service = reference == null ? null : context.getService(reference);
            if (service != null) {
                return service;
            }
            if (System.nanoTime() > deadline) {
                throw new SandboxException("no bundle offers " + type.getName() + "; " + unresolved(), null);
            }
            try {
                Thread.sleep(5);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SandboxException("interrupted while the container started", e);
            }
        }
    }

    private String unresolved() {
        StringBuilder text = new StringBuilder();
        for (Bundle bundle : framework.getBundleContext().getBundles()) {
            if (bundle.getState() == Bundle.INSTALLED && bundle.adapt(BundleStartLevel.class).getStartLevel() <= PROGRAM_LEVEL) {
                text.append(text.isEmpty() ? "not resolved: " : ", ").append(bundle.getSymbolicName());
            }
        }
        return text.isEmpty() ? "every bundle is resolved; see --log FILE --debug" : text.toString();
    }

    private void reach(int level) throws SandboxException {
        FrameworkStartLevel startLevel = framework.adapt(FrameworkStartLevel.class);
        Object done = new Object();
        boolean[] reached = {false};
        startLevel.setStartLevel(level, event -> {
            synchronized (done) {
                reached[0] = true;
                done.notifyAll();
            }
        });
        synchronized (done) {
            try {
                while (!reached[0]) {
                    done.wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SandboxException("interrupted while the container started", e);
            }
        }
    }

    /** Starts the file watcher and the shell's commands. */
    void startManagement() throws SandboxException {
        reach(hasShell ? SHELL_LEVEL : MANAGEMENT_LEVEL);
    }

    /** {@return the context of the system bundle} */
    BundleContext context() {
        return framework.getBundleContext();
    }

    /** Waits until someone stops the framework. */
    void awaitStop() throws InterruptedException {
        framework.waitForStop(0);
    }
}
