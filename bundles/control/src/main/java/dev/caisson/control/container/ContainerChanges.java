package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SwapReport;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.control.internal.FileSystemMove;
import dev.caisson.control.internal.PlatformProbe;
import dev.caisson.control.internal.RootMount;
import dev.caisson.kernel.FileSystemChange;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.PlatformException;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.fs.LayeredFileSystem;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Map;

/**
 * Changes of a container while its programs run: platform, network and table of its kernel, which other containers share; and its own root
 * filesystem and volumes. One at a time.
 */
final class ContainerChanges {
    private final ContainerKernel owner;
    private final ProviderSource source;

    ContainerChanges(ContainerKernel owner, ProviderSource source) {
        this.owner = owner;
        this.source = source;
    }

    private Kernel kernel() {
        return owner.kernel();
    }

    synchronized SwapReport swap(ProviderKind kind, String name) throws SandboxException {
        String from = owner.provider(kind);
        long pauseNs = 0;
        switch (kind) {
            case PLATFORM -> pauseNs = move(source.platform(name));
            case NETWORK -> {
                NetworkStack next = source.network(name);
                KernelNetwork.of(kernel()).select(next);
            }
            case SYSCALLS -> {
                SyscallTable next = source.syscalls(name);
                kernel().selectSyscallTable(next);
            }
            default -> throw new IllegalArgumentException(kind.word());
        }
        owner.provider(kind, name);
        return new SwapReport(kind, from, name, pauseNs);
    }

    private long move(Platform next) throws SandboxException {
        try {
            if (next != kernel().platform()) {
                PlatformProbe.check(next, kernel().memoryFile());
            }
            return kernel().selectPlatform(next);
        } catch (PlatformException e) {
            throw new SandboxException(e.getMessage(), e);
        }
    }

    /** With a path of a volume; null for the root. */
    synchronized SwapReport swapFileSystem(Container container, String path, String name, String from, Map<String, String> options)
            throws SandboxException {
        FileSystemProvider provider = kernel().fileSystems().find(name);
        if (provider == null || !source.isRoot(name)) {
            throw new SandboxException("no rootfs named " + name, null);
        }
        if (path != null) {
            return swapVolume(container, path, provider, name, from, options);
        }
        ContainerRoot now = container.root();
        RootMount next = FileSystemMove.rootOf(now.mount(), now.provider(), name, from == null ? null : here(from), options);
        if (name.equals(now.provider()) && next.equals(now.mount())) {
            return new SwapReport(ProviderKind.ROOTFS, name, name, 0);
        }
        FileSystemChange change = FileSystemMove.change(kernel(), container.mounts().root(), provider, name, next);
        container.root(new ContainerRoot(name, next));
        return new SwapReport(ProviderKind.ROOTFS, now.provider(), name, change.pauseNs(), change.stayed());
    }

    private SwapReport swapVolume(Container container, String path, FileSystemProvider provider, String name, String source,
            Map<String, String> options) throws SandboxException {
        Location top = container.mounts().rootLocation();
        FsContext fs = new FsContext(container.mounts(), top, top, 0);
        Location place;
        try {
            place = kernel().vfs().resolve(new BootCaller(fs, Credentials.ROOT), null, path, PathWalker.FOLLOW);
        } catch (ErrnoException e) {
            throw new SandboxException("cannot find " + path + " in the container: " + e.errno().text(), e);
        } finally {
            fs.release();
        }
        dev.caisson.vfs.Mount mount = place.mount();
        if (place.dentry() != mount.root() || mount == container.mounts().root() || !place.dentry().isRoot()) {
            throw new SandboxException("nothing of its own is mounted on " + path, null);
        }
        RootMount given = RootMount.of(here(source == null ? mount.source() : source), options);
        String before = mount.fileSystem().typeName();
        FileSystemChange change = FileSystemMove.change(kernel(), mount, provider, name,
                new RootMount(given.source(), given.flags() | mount.flags() & Mount.MS_RDONLY, given.options()));
        return new SwapReport(ProviderKind.ROOTFS, before, name, change.pauseNs(), change.stayed());
    }

    /** Under which name this process finds a source of mounts, if that is a file of the host. */
    private String here(String source) {
        return source.startsWith("/") ? GuestText.of(owner.places().of(Path.of(GuestText.text(source))).toString()) : source;
    }

    /** Writes what programs have changed in a container's root filesystem; programs go on meanwhile. */
    LayerExporter.Summary export(Container container, OutputStream target) throws SandboxException, IOException {
        if (!(container.mounts().root().fileSystem() instanceof LayeredFileSystem layered)) {
            throw new SandboxException("the root filesystem of " + container.id() + " is " + container.root().provider()
                    + ", which does not keep changes apart; overlay does", null);
        }
        LayerExporter writer = source.exporter();
        if (writer == null) {
            throw new SandboxException("no bundle writes layers; fs-tar does", null);
        }
        try {
            return writer.export(layered, target);
        } catch (ErrnoException e) {
            throw new SandboxException("cannot read the changes: " + (e.errno() == Errno.EIO ? "the host fails" : e.getMessage()), e);
        }
    }
}
