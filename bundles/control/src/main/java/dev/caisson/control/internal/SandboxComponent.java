package dev.caisson.control.internal;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.ProviderSelection;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.SwapReport;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.io.IOException;
import java.util.Dictionary;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
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
 * a bundle goes: platform, table and root filesystem move at once; new mounts and new sockets come from the new filesystem and network.
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
    private final PlatformMover mover;
    private final RootfsMover rootMover;
    private volatile ProviderSelection selection;
    private volatile LayerExporter exporter;

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
        this.mover = new PlatformMover(platforms, memoryFile, new ComponentFailures(context)::reason);
        this.fileSystems = new ProviderSet<>(context);
        this.rootMover = new RootfsMover(fileSystems);
        this.kernelFileSystems = new ProviderSet<>(context);
        this.networks = new ProviderSet<>(context);
        this.tables = new ProviderSet<>(context);
        selection = new ProviderSelection(this::value);
    }

    @Deactivate
    void close() {
        sandboxes.forEach(KernelSandbox::close);
    }

    // ---- providers come and go

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindPlatform(ServiceReference<Platform> reference) {
        platforms.add(reference);
        mover.came(sandboxes, ProviderSet.name(reference));
    }

    void unbindPlatform(ServiceReference<Platform> reference) {
        platforms.remove(reference);
        mover.goes(sandboxes, reference, selection.platformFallback());
    }

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void bindFileSystem(ServiceReference<FileSystemProvider> reference) {
        fileSystems.add(reference);
        registerFileSystem(ProviderSet.name(reference));
        rootMover.came(sandboxes, ProviderSet.name(reference));
    }

    void unbindFileSystem(ServiceReference<FileSystemProvider> reference) {
        fileSystems.remove(reference);
        String name = ProviderSet.name(reference);
        for (KernelSandbox sandbox : sandboxes) {
            FileSystemProvider old = sandbox.kernel().fileSystems().find(name);
            if (old != null) {
                sandbox.kernel().fileSystems().unregister(old); // mounts of it stay, but for the root, if that can move
            }
        }
        registerFileSystem(name);
        rootMover.goes(sandboxes, reference, selection.rootFallback());
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

    @Reference(target = "(" + LayerExporter.FORMAT + "=" + LayerExporter.OCI + ")", cardinality = ReferenceCardinality.OPTIONAL,
            policy = ReferencePolicy.DYNAMIC)
    void bindExporter(LayerExporter service) {
        exporter = service;
    }

    void unbindExporter(LayerExporter service) {
        if (exporter == service) {
            exporter = null;
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
        for (KernelSandbox sandbox : sandboxes) {
            if (name.equals(sandbox.wanted(ProviderKind.SYSCALLS))) {
                moveTable(sandbox, name);
            }
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
                RootMount rootBefore = configuredRootOrNull();
                selection = new ProviderSelection(this::value);
                String now = configured(kind);
                if (!now.equals(before) || kind == ProviderKind.ROOTFS && isRootChanged(rootBefore)) {
                    log.info("{} is now {}", kind.pid(), now);
                    sandboxes.forEach(sandbox -> apply(sandbox, kind, now));
                }
            }
        }
    }

    private Object value(String pid, String key) {
        try {
            Configuration[] found = configurations.listConfigurations("(service.pid=" + pid + ")");
            Dictionary<String, Object> values = found == null ? null : found[0].getProperties();
            return values == null ? null : values.get(key);
        } catch (IOException | InvalidSyntaxException e) {
            log.error("cannot read configuration {}; taking defaults", pid, e);
            return null;
        }
    }

    private String configured(ProviderKind kind) {
        return selection.name(kind);
    }

    private RootMount configuredRoot() throws SandboxException {
        String name = configured(ProviderKind.ROOTFS);
        return RootMount.parse(selection.rootSource(name), selection.rootOptions(name));
    }

    /** Whether the configuration asks for another mount of the root than a moment ago; what is wrong with it is told when it is applied. */
    private boolean isRootChanged(RootMount before) {
        try {
            return !configuredRoot().equals(before);
        } catch (SandboxException e) {
            return true;
        }
    }

    private RootMount configuredRootOrNull() {
        try {
            return configuredRoot();
        } catch (SandboxException e) {
            return null;
        }
    }

    /** The configuration names another provider, or another mount for the root. */
    private void apply(KernelSandbox sandbox, ProviderKind kind, String name) {
        sandbox.wants(kind, name);
        try {
            if (kind == ProviderKind.ROOTFS) {
                swapRoot(sandbox, name, configuredRoot());
            } else {
                swap(sandbox, kind, name);
            }
        } catch (SandboxException e) {
            log.warn("{} names {}, but sandbox {} goes on with {}: {}", kind.pid(), name, sandbox.name(), sandbox.providers().get(kind),
                    e.getMessage());
        }
    }

    private boolean moveTable(KernelSandbox sandbox, String name) {
        SyscallTableProvider next = open(tables, name);
        if (next != null) {
            sandbox.kernel().selectSyscallTable(next.table());
            sandbox.uses(ProviderKind.SYSCALLS, name);
        }
        return next != null;
    }

    private boolean moveNetwork(KernelSandbox sandbox, String name) {
        NetworkStack next = open(networks, name);
        if (next != null) {
            sandbox.selectNetwork(next);
        }
        return next != null;
    }

    private static <T> T open(ProviderSet<T> set, String name) {
        ServiceReference<T> reference = set.find(name);
        return reference == null ? null : set.open(reference);
    }

    // ---- SandboxService

    @Override
    public Sandbox start(SandboxSpec spec) throws SandboxException {
        FileSystemProvider rootfs = choose(spec, ProviderKind.ROOTFS, fileSystems);
        NetworkStack network = choose(spec, ProviderKind.NETWORK, networks);
        SyscallTableProvider table = choose(spec, ProviderKind.SYSCALLS, tables);
        RootMount root = RootMount.of(spec, selection);
        PlatformMover.Choice platform = choosePlatform(spec);
        KernelSandbox made;
        try {
            made = KernelSandbox.start(spec.withVolumes(selection.volumes(spec.volumes())), new SandboxParts(memoryFile, platform.platform(), rootfs, root, devices, network, table,
                    fileSystems.openAll(), kernelFileSystems.openAll()));
        } catch (SandboxException e) {
            mover.release(platform);
            throw e;
        }
        mover.hold(made, platform);
        rootMover.started(made, rootfs);
        add(made);
        if (platforms.find(platform.platform().name()) == null) {
            mover.goes(List.of(made), platform.reference(), selection.platformFallback()); // it went while the sandbox started
        }
        return made;
    }

    /** A configured platform that this host does not have is replaced by the fallback; one that was asked for is not. */
    private PlatformMover.Choice choosePlatform(SandboxSpec spec) throws SandboxException {
        String name = name(spec, ProviderKind.PLATFORM);
        String fallback = selection.platformFallback();
        try {
            return mover.choose(name, origin(spec, ProviderKind.PLATFORM));
        } catch (SandboxException e) {
            if (spec.providers().containsKey(ProviderKind.PLATFORM) || fallback.equals(name) || platforms.find(name) == null) {
                throw e;
            }
            log.warn("{}; {} takes its place", e.getMessage(), fallback);
            return mover.choose(fallback, " (the fallback from etc/" + ProviderKind.PLATFORM.pid() + ".cfg)");
        }
    }

    private void add(KernelSandbox sandbox) {
        sandboxes.add(sandbox);
        sandbox.onClose(() -> {
            sandboxes.remove(sandbox);
            mover.release(sandbox);
            rootMover.release(sandbox);
        });
        sandbox.exporter(() -> exporter);
        sandbox.changer(new SandboxControl.Changer() {
            @Override
            public SwapReport swap(KernelSandbox changed, ProviderKind kind, String name) throws SandboxException {
                return SandboxComponent.this.swap(changed, kind, name);
            }

            @Override
            public SwapReport swapFileSystem(KernelSandbox changed, String path, String name, String source, Map<String, String> options)
                    throws SandboxException {
                return path == null ? swapRootfs(changed, name, source, options) : swapVolume(changed, path, name, source, options);
            }
        });
    }

    @Override
    public void adopt(Sandbox sandbox) {
        KernelSandbox adopted = (KernelSandbox) sandbox;
        add(adopted);
        for (ProviderKind kind : ProviderKind.values()) {
            // The configuration may have changed since the sandbox was started by it.
            if (!adopted.spec().providers().containsKey(kind) && !configured(kind).equals(adopted.providers().get(kind))) {
                apply(adopted, kind, configured(kind));
            }
        }
    }

    private String name(SandboxSpec spec, ProviderKind kind) {
        String asked = spec.providers().get(kind);
        return asked != null ? asked : configured(kind);
    }

    /** Where the name comes from, for messages. */
    private static String origin(SandboxSpec spec, ProviderKind kind) {
        return spec.providers().containsKey(kind) ? "" : " (from etc/" + kind.pid() + ".cfg)";
    }

    private <T> T choose(SandboxSpec spec, ProviderKind kind, ProviderSet<T> set) throws SandboxException {
        String name = name(spec, kind);
        T provider = available(kind).contains(name) ? open(set, name) : null;
        if (provider == null) {
            throw missing(kind, name, origin(spec, kind));
        }
        return provider;
    }

    private SandboxException missing(ProviderKind kind, String name, String origin) {
        return new SandboxException("no " + kind.word() + " named " + name + origin + "; there are: " + String.join(", ", available(kind)),
                null);
    }

    @Override
    public SwapReport swap(Sandbox sandbox, ProviderKind kind, String name) throws SandboxException {
        return swap((KernelSandbox) sandbox, kind, name);
    }

    private SwapReport swap(KernelSandbox sandbox, ProviderKind kind, String name) throws SandboxException {
        String before = sandbox.providers().get(kind);
        SwapReport report = switch (kind) {
            case PLATFORM -> mover.move(sandbox, name);
            case ROOTFS -> swapRoot(sandbox, name, RootfsMover.mountOf(sandbox, name, null, Map.of()));
            case SYSCALLS, NETWORK -> {
                if (!(kind == ProviderKind.SYSCALLS ? moveTable(sandbox, name) : moveNetwork(sandbox, name))) {
                    throw missing(kind, name, "");
                }
                yield new SwapReport(kind, before, name, 0);
            }
        };
        sandbox.wants(kind, report.to());
        return report;
    }

    @Override
    public SwapReport swapRootfs(Sandbox sandbox, String name, String source, Map<String, String> options) throws SandboxException {
        KernelSandbox changed = (KernelSandbox) sandbox;
        return swapRoot(changed, name, RootfsMover.mountOf(changed, name, source, options));
    }

    private SwapReport swapRoot(KernelSandbox sandbox, String name, RootMount root) throws SandboxException {
        FileSystemProvider provider = available(ProviderKind.ROOTFS).contains(name) ? open(fileSystems, name) : null;
        if (provider == null) {
            throw missing(ProviderKind.ROOTFS, name, "");
        }
        SwapReport report = rootMover.move(sandbox, provider, name, root);
        sandbox.wantsRoot(name, root);
        return report;
    }

    @Override
    public SwapReport swapVolume(Sandbox sandbox, String path, String name, String source, Map<String, String> options)
            throws SandboxException {
        FileSystemProvider provider = available(ProviderKind.ROOTFS).contains(name) ? open(fileSystems, name) : null;
        if (provider == null) {
            throw missing(ProviderKind.ROOTFS, name, "");
        }
        return rootMover.moveVolume((KernelSandbox) sandbox, path, provider, name, source, options);
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
    public Map<ProviderKind, String> selected() {
        return selection.names();
    }
}
