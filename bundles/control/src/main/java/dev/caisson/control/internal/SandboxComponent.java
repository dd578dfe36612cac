package dev.caisson.control.internal;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.io.IOException;
import java.util.Dictionary;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.service.cm.Configuration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.ConfigurationEvent;
import org.osgi.service.cm.ConfigurationListener;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sandboxes of the providers that are registered, by name, and gives running sandboxes other ones when the configuration changes or
 * a bundle goes: a platform or a table moves at once; new mounts and new sockets come from the new filesystem and network.
 */
@Component(service = {SandboxService.class, ConfigurationListener.class})
public final class SandboxComponent implements SandboxService, ConfigurationListener {
    private static final Logger log = LoggerFactory.getLogger(SandboxComponent.class);

    private final MemoryFile memoryFile;
    private final SandboxDevices devices;
    private final ConfigurationAdmin configurations;
    private final ProviderSet<Platform> platforms;
    private final ProviderSet<FileSystemProvider> fileSystems;
    private final ProviderSet<KernelFileSystem> kernelFileSystems;
    private final ProviderSet<NetworkStack> networks;
    private final ProviderSet<SyscallTableProvider> tables;
    private final List<KernelSandbox> sandboxes = new CopyOnWriteArrayList<>();
    /** Names by kind, as configured. Guarded by this. */
    private final Map<ProviderKind, String> selected = new EnumMap<>(ProviderKind.class);
    /** Guarded by this. */
    private RootMount rootMount = RootMount.DEFAULT;

    /**
     * For Declarative Services.
     *
     * @param context of the control bundle
     * @param memoryFile all guest memory
     * @param devices the drivers of device files
     * @param configurations names the wanted providers
     */
    @Activate
    public SandboxComponent(BundleContext context, @Reference MemoryFile memoryFile, @Reference SandboxDevices devices,
            @Reference ConfigurationAdmin configurations) {
        this.memoryFile = memoryFile;
        this.devices = devices;
        this.configurations = configurations;
        this.platforms = new ProviderSet<>(context);
        this.fileSystems = new ProviderSet<>(context);
        this.kernelFileSystems = new ProviderSet<>(context);
        this.networks = new ProviderSet<>(context);
        this.tables = new ProviderSet<>(context);
        for (ProviderKind kind : ProviderKind.values()) {
            read(kind);
        }
    }

    @Deactivate
    void close() {
        sandboxes.forEach(KernelSandbox::close);
    }

    // ---- providers come and go

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindPlatform(ServiceReference<Platform> reference) {
        platforms.add(reference);
        String name = ProviderSet.name(reference);
        if (name.equals(configured(ProviderKind.PLATFORM))) {
            sandboxes.forEach(sandbox -> movePlatform(sandbox, name)); // it came back, or came late
        }
    }

    void unbindPlatform(ServiceReference<Platform> reference) {
        platforms.remove(reference);
        String gone = ProviderSet.name(reference);
        for (KernelSandbox sandbox : sandboxes) {
            if (gone.equals(sandbox.providers().get(ProviderKind.PLATFORM))) {
                List<String> others = platforms.names();
                if (others.isEmpty()) {
                    log.error("platform {} goes and no other is there: sandbox {} ends", gone, sandbox.id());
                    sandbox.kernel().shutdown();
                } else {
                    movePlatform(sandbox, others.contains(gone) ? gone : others.getFirst());
                }
            }
        }
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindFileSystem(ServiceReference<FileSystemProvider> reference) {
        fileSystems.add(reference);
        registerFileSystem(ProviderSet.name(reference));
    }

    void unbindFileSystem(ServiceReference<FileSystemProvider> reference) {
        fileSystems.remove(reference);
        String name = ProviderSet.name(reference);
        for (KernelSandbox sandbox : sandboxes) {
            FileSystemProvider old = sandbox.kernel().fileSystems().find(name);
            if (old != null) {
                sandbox.kernel().fileSystems().unregister(old); // mounts of it stay
            }
        }
        registerFileSystem(name);
    }

    private void registerFileSystem(String name) {
        if (sandboxes.isEmpty()) {
            return;
        }
        ServiceReference<FileSystemProvider> best = fileSystems.find(name);
        FileSystemProvider provider = best == null ? null : fileSystems.open(best);
        if (provider != null) {
            sandboxes.forEach(sandbox -> sandbox.kernel().fileSystems().register(provider));
        }
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindKernelFileSystem(ServiceReference<KernelFileSystem> reference) {
        kernelFileSystems.add(reference);
    }

    void unbindKernelFileSystem(ServiceReference<KernelFileSystem> reference) {
        kernelFileSystems.remove(reference);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindNetwork(ServiceReference<NetworkStack> reference) {
        networks.add(reference);
    }

    void unbindNetwork(ServiceReference<NetworkStack> reference) {
        networks.remove(reference);
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindTable(ServiceReference<SyscallTableProvider> reference) {
        tables.add(reference);
        String name = ProviderSet.name(reference);
        if (name.equals(configured(ProviderKind.SYSCALLS))) {
            sandboxes.forEach(sandbox -> moveTable(sandbox, name));
        }
    }

    void unbindTable(ServiceReference<SyscallTableProvider> reference) {
        tables.remove(reference);
        String gone = ProviderSet.name(reference);
        List<String> others = tables.names();
        for (KernelSandbox sandbox : sandboxes) {
            // With no other table the old one goes on answering: it is plain code and state of the kernel.
            if (gone.equals(sandbox.providers().get(ProviderKind.SYSCALLS)) && !others.isEmpty()) {
                moveTable(sandbox, others.contains(gone) ? gone : others.getFirst());
            }
        }
    }

    // ---- configuration

    @Override
    public void configurationEvent(ConfigurationEvent event) {
        for (ProviderKind kind : ProviderKind.values()) {
            if (kind.pid().equals(event.getPid())) {
                String before = configured(kind);
                read(kind);
                String now = configured(kind);
                if (!now.equals(before)) {
                    log.info("{} is now {}", kind.pid(), now);
                    sandboxes.forEach(sandbox -> apply(sandbox, kind, now));
                }
            }
        }
    }

    private void read(ProviderKind kind) {
        String name = kind.defaultName();
        RootMount mount = RootMount.DEFAULT;
        try {
            Configuration[] found = configurations.listConfigurations("(service.pid=" + kind.pid() + ")");
            Dictionary<String, Object> values = found == null ? null : found[0].getProperties();
            if (values != null) {
                name = text(values, "name", name);
                mount = RootMount.parse(text(values, "source", "/"), text(values, "options", ""));
            }
        } catch (IOException | org.osgi.framework.InvalidSyntaxException e) {
            log.error("cannot read configuration {}; taking {}", kind.pid(), name, e);
        }
        synchronized (this) {
            selected.put(kind, name);
            if (kind == ProviderKind.ROOTFS) {
                rootMount = mount;
            }
        }
    }

    private static String text(Dictionary<String, Object> values, String key, String otherwise) {
        Object value = values.get(key);
        return value == null || value.toString().isBlank() ? otherwise : value.toString().trim();
    }

    private synchronized String configured(ProviderKind kind) {
        return selected.get(kind);
    }

    private void apply(KernelSandbox sandbox, ProviderKind kind, String name) {
        if (!available(kind).contains(name)) {
            log.warn("{} names {}, which no bundle provides; there are: {}", kind.pid(), name, available(kind));
            return;
        }
        switch (kind) {
            case PLATFORM -> movePlatform(sandbox, name);
            case SYSCALLS -> moveTable(sandbox, name);
            case NETWORK -> {
                NetworkStack next = open(networks, name);
                if (next != null) {
                    sandbox.selectNetwork(next);
                }
            }
            case ROOTFS -> log.info("sandbox {} keeps its root filesystem; new ones are on {}", sandbox.id(), name);
        }
    }

    private void movePlatform(KernelSandbox sandbox, String name) {
        Platform next = open(platforms, name);
        if (next != null && sandbox.kernel().platform() != next) {
            sandbox.kernel().selectPlatform(next);
            sandbox.uses(ProviderKind.PLATFORM, name);
        }
    }

    private void moveTable(KernelSandbox sandbox, String name) {
        SyscallTableProvider next = open(tables, name);
        if (next != null) {
            sandbox.kernel().selectSyscallTable(next.table());
            sandbox.uses(ProviderKind.SYSCALLS, name);
        }
    }

    private static <T> T open(ProviderSet<T> set, String name) {
        ServiceReference<T> reference = set.find(name);
        return reference == null ? null : set.open(reference);
    }

    // ---- SandboxService

    @Override
    public Sandbox start(SandboxSpec spec) throws SandboxException {
        Platform platform = choose(spec, ProviderKind.PLATFORM, platforms);
        FileSystemProvider rootfs = choose(spec, ProviderKind.ROOTFS, fileSystems);
        NetworkStack network = choose(spec, ProviderKind.NETWORK, networks);
        SyscallTableProvider table = choose(spec, ProviderKind.SYSCALLS, tables);
        RootMount root;
        synchronized (this) {
            root = rootMount;
        }
        KernelSandbox[] made = new KernelSandbox[1];
        made[0] = KernelSandbox.start(spec, new SandboxParts(memoryFile, platform, rootfs, root, devices, network, table,
                fileSystems.openAll(), kernelFileSystems.openAll()), () -> sandboxes.remove(made[0]));
        sandboxes.add(made[0]);
        return made[0];
    }

    private <T> T choose(SandboxSpec spec, ProviderKind kind, ProviderSet<T> set) throws SandboxException {
        String asked = spec.providers().get(kind);
        String name = asked != null ? asked : configured(kind);
        T provider = available(kind).contains(name) ? open(set, name) : null;
        if (provider == null) {
            throw new SandboxException("no " + kind.word() + " named " + name + (asked == null ? " (from etc/" + kind.pid() + ".cfg)" : "")
                    + "; there are: " + String.join(", ", available(kind)), null);
        }
        return provider;
    }

    @Override
    public List<Sandbox> sandboxes() {
        return List.copyOf(sandboxes);
    }

    @Override
    public List<String> available(ProviderKind kind) {
        return switch (kind) {
            case PLATFORM -> platforms.names();
            case NETWORK -> networks.names();
            case SYSCALLS -> tables.names();
            case ROOTFS -> fileSystems.best().entrySet().stream()
                    .filter(entry -> Boolean.parseBoolean(String.valueOf(entry.getValue().getProperty(FileSystemProvider.ROOT))))
                    .map(Map.Entry::getKey).toList();
        };
    }

    @Override
    public synchronized Map<ProviderKind, String> selected() {
        return Map.copyOf(selected);
    }
}
