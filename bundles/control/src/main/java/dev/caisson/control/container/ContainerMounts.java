package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.FileTree;
import dev.caisson.control.internal.RootMount;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.kernel.ipc.MessageQueueFiles;
import dev.caisson.oci.runtime.IdMaps;
import dev.caisson.oci.spec.IdMapping;
import dev.caisson.oci.spec.MountOptions;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciMount;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount.Propagation;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mounts of a container. The root is the bundle's directory itself, since the engine keeps what the container writes there; the annotation
 * {@code dev.caisson.rootfs=PROVIDER[,OPTION=VALUE...]} chooses who serves it.
 *
 * <p>Deviation: mounts that the host makes below a bound directory after the container began are seen as far as the sandbox process sees them,
 * whatever the propagation, which counts among the container's own mounts only.
 */
final class ContainerMounts {
    private static final Logger log = LoggerFactory.getLogger(ContainerMounts.class);
    /** Serves directories of the host without another process. */
    private static final String DIRECT = "hostdir";
    private static final String DEVICES = "/dev";

    private final Kernel kernel;
    private final OciConfig config;
    private final Namespaces namespaces;
    private final ProcessSet set;
    private final ContainerLimits limits;
    private final HostPlaces places;
    private MountNamespace mounts;
    private FileTree tree;
    private ContainerRoot root;

    ContainerMounts(Kernel kernel, OciConfig config, Namespaces namespaces, ProcessSet set, HostPlaces places) {
        this.kernel = kernel;
        this.config = config;
        this.namespaces = namespaces;
        this.set = set;
        this.limits = new ContainerLimits(config.linux().resources());
        this.places = places;
    }

    /** {@return what the container's view of its control group shows} */
    ContainerLimits limits() {
        return limits;
    }

    /** {@return what serves the root} */
    ContainerRoot root() {
        return root;
    }

    /** {@return finds and makes places in the container} */
    FileTree tree() {
        return tree;
    }

    /** Mounts the root, writable as long as there are mount points to make. */
    MountNamespace mountRoot() throws SandboxException {
        String[] words = ContainerLaunch.annotation(config.annotations(), "rootfs", DIRECT).split(",");
        Map<String, String> options = new LinkedHashMap<>();
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            options.put(equals < 0 ? words[i] : words[i].substring(0, equals), equals < 0 ? "" : words[i].substring(equals + 1));
        }
        Map<String, String> ids = ids();
        if (!ids.isEmpty() && !words[0].equals(DIRECT)) {
            throw new SandboxException("linux.uidMappings: a root filesystem that " + words[0] + " serves has the host's ids; only " + DIRECT + " maps them", null);
        }
        options.putAll(ids);
        FileSystemProvider provider = kernel.fileSystems().find(words[0]);
        if (provider == null) {
            throw new SandboxException("annotations[\"dev.caisson.rootfs\"]: nothing provides " + words[0], null);
        }
        try {
            String source = GuestText.of(places.of(config.rootPath()).toString());
            mounts = new MountNamespace(provider.mount(new MountRequest(source, 0, options, Credentials.ROOT)), words[0], 0);
            root = new ContainerRoot(words[0], new RootMount(source, 0, options));
            tree = new FileTree(kernel, mounts);
            return mounts;
        } catch (ErrnoException e) {
            throw new SandboxException("root.path: cannot mount " + config.rootPath() + " with " + words[0] + ": " + e.getMessage(), e);
        }
    }

    /** Mounts everything in its order, and a filesystem in memory on /dev where nothing is mounted there. */
    void mountAll() throws SandboxException, ErrnoException {
        if (config.mounts().stream().noneMatch(mount -> mount.destination().equals(DEVICES))) {
            // Device nodes are never made on the host.
            FileSystem memory = provider("tmpfs").mount(new MountRequest("tmpfs", 0, Map.of("mode", "755"), Credentials.ROOT));
            mounts.mount(memory, "tmpfs", Mount.MS_NOSUID, tree.directory(DEVICES));
        }
        for (OciMount mount : config.mounts()) {
            try {
                mount(mount);
            } catch (ErrnoException e) {
                throw new SandboxException(mount.path() + ": cannot mount " + mount.source() + " (" + mount.type() + ") on "
                        + mount.destination() + ": " + e.getMessage(), e);
            }
        }
    }

    private FileSystemProvider provider(String type) throws SandboxException {
        FileSystemProvider provider = kernel.fileSystems().find(type);
        if (provider == null) {
            throw new SandboxException("nothing provides filesystems of type " + type, null);
        }
        return provider;
    }

    private void mount(OciMount mount) throws SandboxException, ErrnoException {
        MountOptions options = mount.options();
        long flags = (options.flags() | options.recursiveFlags()) & ~(options.recursiveCleared() & ~options.flags());
        String destination = GuestText.of(mount.destination());
        Location at;
        FileSystem fileSystem;
        String source = GuestText.of(mount.source());
        if (options.copiesUp() && !mount.type().equals("tmpfs")) {
            throw new SandboxException(mount.path() + ".options: tmpcopyup is for tmpfs only", null);
        }
        switch (mount.type()) {
            case OciMount.BIND -> {
                Path host = places.of(Path.of(mount.source()));
                if (!Files.exists(host)) {
                    throw new SandboxException(mount.path() + ".source: " + mount.source() + " does not exist", null);
                }
                at = Files.isDirectory(host) ? tree.directory(destination) : tree.file(destination);
                // The host's side may change the files at any time, those that are read-only here too.
                fileSystem = provider(DIRECT).mount(new MountRequest(real(host), flags, shared(), Credentials.ROOT));
            }
            case "cgroup", "cgroup2" -> {
                // What is in the options of version 1 (names of controllers) has no place in version 2.
                at = tree.directory(destination);
                fileSystem = ControlGroupFiles.of(set, namespaces.pidForChildren(), limits);
            }
            case "mqueue" -> {
                at = tree.directory(destination);
                fileSystem = MessageQueueFiles.of(namespaces.ipc());
            }
            default -> {
                at = tree.directory(destination);
                fileSystem = provider(mount.type()).mount(new MountRequest(source, flags, guestTexts(options), Credentials.ROOT));
            }
        }
        dev.caisson.vfs.Mount made = mounts.mount(fileSystem, source, options.copiesUp() ? flags & ~(long) Mount.MS_RDONLY : flags, at);
        if (options.copiesUp()) {
            new CopyUp(kernel.vfs(), tree.root()).copy(at, new Location(made, made.root()));
            mounts.remount(new Location(made, made.root()), flags);
        }
        if (mount.type().equals(OciMount.BIND) && options.isRecursive()) {
            mountBelow(mount, destination);
        }
        for (long type : options.propagation()) {
            if (type(type) == Propagation.SHARED && mount.type().equals(OciMount.BIND)) {
                log.warn("{}.options: what the container mounts below {} stays in the sandbox", mount.path(), mount.destination());
            }
            mounts.propagation(tree.place(destination), type(type), (type & Mount.MS_REC) != 0);
        }
    }

    /** What is mounted below a directory that is bound recursively: mounts of their own, to which only options for all of them apply. */
    private void mountBelow(OciMount mount, String destination) throws SandboxException, ErrnoException {
        Path top = Path.of(GuestText.text(real(places.of(Path.of(mount.source())))));
        for (Map.Entry<Path, Long> each : Submounts.below(top).entrySet()) {
            String source = GuestText.of(each.getKey().toString());
            long flags = (each.getValue() | mount.options().recursiveFlags()) & ~mount.options().recursiveCleared()
                    | each.getValue() & Mount.MS_RDONLY;
            Location at = existing(destination + "/" + GuestText.of(top.relativize(each.getKey()).toString()));
            if (at != null) {
                mounts.mount(provider(DIRECT).mount(new MountRequest(source, flags, shared(), Credentials.ROOT)), source, flags, at);
            }
        }
    }

    /** Symbolic links on the way are followed on the host, before the guest has a say. */
    private static String real(Path host) throws ErrnoException {
        try {
            return GuestText.of(host.toRealPath().toString());
        } catch (java.io.IOException e) {
            throw Errno.ENOENT.error();
        }
    }

    /** Options for what the host's side may change at any time. */
    private Map<String, String> shared() {
        Map<String, String> options = ids();
        options.put("cache", "shared");
        return options;
    }

    /** Options that map the owners of files, unless the user namespace of this process does. */
    private Map<String, String> ids() {
        Map<String, String> options = new LinkedHashMap<>();
        put(options, "uids", config.linux().uidMappings(), "uid_map");
        put(options, "gids", config.linux().gidMappings(), "gid_map");
        return options;
    }

    private static void put(Map<String, String> options, String name, List<IdMapping> wanted, String file) {
        List<IdMapping> own = IdMaps.read(Path.of("/proc/self", file));
        if (!wanted.isEmpty() && !wanted.stream().allMatch(each -> IdMaps.covers(own, each))) {
            options.put(name, wanted.stream().map(each -> each.containerID() + ":" + each.hostID() + ":" + each.size())
                    .collect(Collectors.joining("+")));
        }
    }

    private static Map<String, String> guestTexts(MountOptions options) {
        Map<String, String> texts = new LinkedHashMap<>();
        options.data().forEach((name, value) -> texts.put(GuestText.of(name), GuestText.of(value)));
        return texts;
    }

    private static Propagation type(long flags) {
        return switch ((int) (flags & ~(long) Mount.MS_REC)) {
            case Mount.MS_SHARED -> Propagation.SHARED;
            case Mount.MS_SLAVE -> Propagation.SLAVE;
            case Mount.MS_UNBINDABLE -> Propagation.UNBINDABLE;
            default -> Propagation.PRIVATE;
        };
    }

    /** Something that is done while the container's tree is part of the host's. */
    interface OnHost {
        /** Does it. */
        void run() throws SandboxException;
    }

    /**
     * Makes the host's root directory that of the container for a while, whose own root is then found where it is on the host: what a hook
     * sees that runs in the container's namespaces before pivot_root(2).
     *
     * @param action what to do meanwhile
     * @throws SandboxException of the action, or when the host's root cannot be mounted
     */
    void onHost(OnHost action) throws SandboxException {
        try {
            FileSystem files = provider(DIRECT).mount(new MountRequest(GuestText.of(places.of(Path.of("/")).toString()), 0,
                    Map.of("cache", "shared"), Credentials.ROOT));
            Location own = mounts.rootLocation();
            dev.caisson.vfs.Mount mount = mounts.mount(files, "/", 0, tree.directory(DEVICES));
            Location host = new Location(mount, mount.root());
            mounts.pivotRoot(host, kernel.vfs().resolve(tree.root(), host, GuestText.of(config.rootPath().toString()).substring(1),
                    PathWalker.FOLLOW | PathWalker.DIRECTORY), own);
            try {
                action.run();
            } finally {
                mounts.pivotRoot(own, kernel.vfs().resolve(tree.root(), own, DEVICES.substring(1), PathWalker.FOLLOW | PathWalker.DIRECTORY),
                        host);
                mounts.unmount(host, own, Mount.MNT_DETACH);
            }
        } catch (ErrnoException e) {
            throw new SandboxException("hooks.createContainer: cannot show the host's files: " + e.getMessage(), e);
        }
    }

    /** What comes last: propagation and access of the root, and what is hidden or protected. */
    void finish() throws SandboxException {
        String current = "";
        try {
            long propagation = config.linux().rootfsPropagation();
            if (propagation != 0) {
                mounts.propagation(mounts.rootLocation(), type(propagation), (propagation & Mount.MS_REC) != 0);
            }
            for (String path : config.linux().readonlyPaths()) {
                current = "linux.readonlyPaths: " + path;
                protect(GuestText.of(path));
            }
            for (String path : config.linux().maskedPaths()) {
                current = "linux.maskedPaths: " + path;
                hide(GuestText.of(path));
            }
            current = "root.readonly";
            if (config.root().readonly()) {
                Location root = mounts.rootLocation();
                mounts.remount(root, root.mount().flags() | Mount.MS_RDONLY);
            }
        } catch (ErrnoException e) {
            throw new SandboxException(current + ": " + e.getMessage(), e);
        }
    }

    /** A place, or null when there is none: images lack some of what engines list. */
    private Location existing(String path) throws ErrnoException {
        try {
            return tree.place(path);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
                return null;
            }
            throw e;
        }
    }

    private void protect(String path) throws ErrnoException {
        Location place = existing(path);
        if (place != null) {
            mounts.bind(place, place, true);
            Location bound = tree.place(path);
            mounts.remount(bound, bound.mount().flags() | Mount.MS_RDONLY);
        }
    }

    private void hide(String path) throws ErrnoException, SandboxException {
        Location place = existing(path);
        if (place == null) {
            return;
        }
        if ((place.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
            FileSystem empty = provider("tmpfs").mount(new MountRequest("tmpfs", Mount.MS_RDONLY, Map.of(), Credentials.ROOT));
            mounts.mount(empty, "tmpfs", Mount.MS_RDONLY, place);
        } else {
            mounts.bind(kernel.vfs().resolve(tree.root(), null, "/dev/null", PathWalker.FOLLOW), place, false);
        }
    }
}
