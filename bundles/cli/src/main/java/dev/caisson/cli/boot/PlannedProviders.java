package dev.caisson.cli.boot;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.ProviderSource;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.util.Map;

/** Providers of a {@link BootPlan} for a kernel that runs: a sandbox of containers changes them without the framework. */
final class PlannedProviders implements ProviderSource {
    private final BootPlan plan;
    private final BootParts parts;

    PlannedProviders(BootPlan plan, BootParts parts) {
        this.plan = plan;
        this.parts = parts;
    }

    private <T> T make(ProviderKind kind, Class<T> service, String name) throws SandboxException {
        BootComponent component = plan.find(service.getName(), name);
        if (component == null || name.isEmpty()) {
            throw new SandboxException("no " + kind.word() + " named " + name + "; there are: "
                    + String.join(", ", plan.all(service.getName()).keySet().stream().sorted().toList()), null);
        }
        try {
            return service.cast(parts.make(component));
        } catch (ReflectiveOperationException e) {
            throw new SandboxException(kind.word() + " " + name + " cannot be used here: " + BootParts.reason(e), e);
        }
    }

    @Override
    public Platform platform(String name) throws SandboxException {
        return make(ProviderKind.PLATFORM, Platform.class, name);
    }

    @Override
    public NetworkStack network(String name) throws SandboxException {
        return make(ProviderKind.NETWORK, NetworkStack.class, name);
    }

    @Override
    public SyscallTable syscalls(String name) throws SandboxException {
        return make(ProviderKind.SYSCALLS, SyscallTableProvider.class, name).table();
    }

    @Override
    public boolean isRoot(String name) {
        Map<String, BootComponent> all = plan.all(FileSystemProvider.class.getName());
        return all.containsKey(name) && Boolean.TRUE.equals(all.get(name).properties().get(FileSystemProvider.ROOT));
    }

    @Override
    public LayerExporter exporter() {
        BootComponent component = plan.find(LayerExporter.class.getName(), "");
        try {
            return component == null ? null : (LayerExporter) parts.make(component);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
