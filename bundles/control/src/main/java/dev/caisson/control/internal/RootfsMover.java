package dev.caisson.control.internal;

import dev.caisson.abi.Mount;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SwapReport;
import dev.caisson.kernel.FileSystemChange;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.vfs.Location;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.osgi.framework.ServiceReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives running sandboxes another provider for their root filesystem, or for a volume: when somebody wants it, when the configuration
 * changes, when the provider's bundle goes, and when it returns. A filesystem that is mounted goes on working when its provider has
 * gone, so that a sandbox that cannot move keeps it.
 */
final class RootfsMover {
    private static final Logger log = LoggerFactory.getLogger(RootfsMover.class);

    private final ProviderSet<FileSystemProvider> providers;
    /** Whose filesystem is the root, where that is known. Guarded by this. */
    private final Map<KernelSandbox, FileSystemProvider> servedBy = new IdentityHashMap<>();

    RootfsMover(ProviderSet<FileSystemProvider> providers) {
        this.providers = providers;
    }

    /** Notes whose filesystem the root of a new sandbox is. */
    synchronized void started(KernelSandbox sandbox, FileSystemProvider provider) {
        servedBy.put(sandbox, provider);
    }

    /** A sandbox has closed. */
    synchronized void release(KernelSandbox sandbox) {
        servedBy.remove(sandbox);
    }

    private synchronized boolean isServedBy(KernelSandbox sandbox, FileSystemProvider provider) {
        FileSystemProvider known = servedBy.get(sandbox);
        return known == null || known == provider;
    }

    /**
     * How another provider would mount the tree that a sandbox has as its root.
     *
     * @param sandbox the sandbox
     * @param name the other provider
     * @param source what to mount; null for the same tree: the directory where changes go, or else what is mounted now
     * @param options the provider's options and flags
     * @return the mount; read-only when changes would go to a directory that they did not go to before, and nobody asked for that
     */
    static RootMount mountOf(KernelSandbox sandbox, String name, String source, Map<String, String> options) {
        return FileSystemMove.rootOf(sandbox.root(), sandbox.providers().get(ProviderKind.ROOTFS), name, source, options);
    }

    /**
     * Moves the root filesystem.
     *
     * @param sandbox who
     * @param provider the new provider
     * @param name its name
     * @param root what it mounts
     * @return what was done
     * @throws SandboxException when the new filesystem cannot be mounted or is another tree; the programs go on with the old one
     */
    SwapReport move(KernelSandbox sandbox, FileSystemProvider provider, String name, RootMount root) throws SandboxException {
        synchronized (sandbox.rootLock()) {
            String from = sandbox.providers().get(ProviderKind.ROOTFS);
            if (name.equals(from) && root.equals(sandbox.root()) && isServedBy(sandbox, provider)) {
                return new SwapReport(ProviderKind.ROOTFS, from, name, 0);
            }
            FileSystemChange change = FileSystemMove.change(sandbox.kernel(), sandbox.rootMount(), provider, name, root);
            sandbox.uses(ProviderKind.ROOTFS, name);
            sandbox.root(root);
            started(sandbox, provider);
            return new SwapReport(ProviderKind.ROOTFS, from, name, change.pauseNs(), change.stayed());
        }
    }

    /**
     * Moves a volume, or whatever else is mounted below the root.
     *
     * @param sandbox who
     * @param path where it is mounted
     * @param provider the new provider
     * @param name its name
     * @param source what to mount; null for what is mounted now
     * @param options the provider's options and flags
     * @return what was done
     * @throws SandboxException when there is no such mount, or as {@link #move}
     */
    SwapReport moveVolume(KernelSandbox sandbox, String path, FileSystemProvider provider, String name, String source,
            Map<String, String> options) throws SandboxException {
        synchronized (sandbox.rootLock()) {
            Location place = sandbox.place(path);
            dev.caisson.vfs.Mount mount = place.mount();
            if (place.dentry() != mount.root() || mount == sandbox.rootMount() || !place.dentry().isRoot()) {
                throw new SandboxException("nothing of its own is mounted on " + path, null);
            }
            String from = mount.fileSystem().typeName();
            RootMount given = RootMount.of(source == null ? mount.source() : source, options);
            RootMount request = new RootMount(given.source(), given.flags() | mount.flags() & Mount.MS_RDONLY, given.options());
            FileSystemChange change = FileSystemMove.change(sandbox.kernel(), mount, provider, name, request);
            return new SwapReport(ProviderKind.ROOTFS, from, name, change.pauseNs(), change.stayed());
        }
    }

    // ---- providers come and go

    /** A provider has come: sandboxes that want it, and were moved away or have their filesystem from one that is gone, move to it. */
    void came(List<KernelSandbox> sandboxes, String name) {
        ServiceReference<FileSystemProvider> reference = providers.find(name);
        for (KernelSandbox sandbox : sandboxes) {
            if (reference == null || !name.equals(sandbox.wanted(ProviderKind.ROOTFS))) {
                continue;
            }
            FileSystemProvider provider = providers.open(reference);
            boolean isThere = name.equals(sandbox.providers().get(ProviderKind.ROOTFS)) && isServedBy(sandbox, provider);
            if (provider == null || isThere) {
                continue;
            }
            try {
                SwapReport report = move(sandbox, provider, name, sandbox.wantedRoot());
                log.info("filesystem {} is back: sandbox {} moved to it, pause {} µs", name, sandbox.name(), report.pauseNs() / 1000);
            } catch (SandboxException e) {
                log.warn("sandbox {} stays on its root filesystem: {}", sandbox.name(), e.getMessage());
            }
        }
    }

    /**
     * A provider is about to go. Sandboxes whose root it serves move elsewhere where that is possible.
     *
     * @param sandboxes all
     * @param gone the reference, which the set does not have any more
     * @param fallback the name to try; empty for none
     */
    void goes(List<KernelSandbox> sandboxes, ServiceReference<FileSystemProvider> gone, String fallback) {
        String name = ProviderSet.name(gone);
        for (KernelSandbox sandbox : sandboxes) {
            if (name.equals(sandbox.providers().get(ProviderKind.ROOTFS)) && uses(sandbox, gone) && !escape(sandbox, name, fallback)) {
                log.info("filesystem {} goes; sandbox {} keeps what it has mounted", name, sandbox.name());
            }
        }
    }

    private boolean uses(KernelSandbox sandbox, ServiceReference<FileSystemProvider> gone) {
        FileSystemProvider provider = providers.open(gone);
        providers.release(gone);
        return provider == null || isServedBy(sandbox, provider);
    }

    private boolean escape(KernelSandbox sandbox, String gone, String fallback) {
        Set<String> candidates = new LinkedHashSet<>(List.of(gone, fallback));
        candidates.retainAll(new ArrayList<>(providers.names()));
        for (String candidate : candidates) {
            ServiceReference<FileSystemProvider> reference = providers.find(candidate);
            FileSystemProvider provider = reference == null ? null : providers.open(reference);
            if (provider == null) {
                continue;
            }
            try {
                RootMount root = candidate.equals(gone) ? sandbox.root() : mountOf(sandbox, candidate, null, Map.of());
                SwapReport report = move(sandbox, provider, candidate, root);
                log.info("filesystem {} goes: sandbox {} moved to {}, pause {} µs", gone, sandbox.name(), candidate, report.pauseNs() / 1000);
                return true;
            } catch (SandboxException e) {
                log.warn("filesystem {} goes, and sandbox {} cannot move to {}: {}", gone, sandbox.name(), candidate, e.getMessage());
            }
        }
        return false;
    }
}
