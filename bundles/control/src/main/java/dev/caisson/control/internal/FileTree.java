package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.control.SandboxException;
import dev.caisson.control.Volume;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The mounts of a new sandbox: what every program expects below the root, and the volumes. */
public final class FileTree {
    private static final Logger log = LoggerFactory.getLogger(FileTree.class);
    private static final long SAFE = Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC;

    private final Kernel kernel;
    private final Vfs vfs;
    private final MountNamespace namespace;
    private final BootCaller root;

    /**
     * Begins with the root mount.
     *
     * @param kernel knows the kinds of filesystems
     * @param namespace what is mounted so far
     */
    public FileTree(Kernel kernel, MountNamespace namespace) {
        this.kernel = kernel;
        this.vfs = kernel.vfs();
        this.namespace = namespace;
        Location top = namespace.rootLocation();
        this.root = new BootCaller(new FsContext(namespace, top, top, 022), Credentials.ROOT);
    }

    /** {@return a caller with all rights, in the root directory} */
    public BootCaller root() {
        return root;
    }

    /** Mounts /proc, /sys, /dev and what is below it. A kind of filesystem that no bundle provides is left out, with a warning. */
    void mountSystem() throws SandboxException {
        mount("proc", "proc", "/proc", SAFE, "");
        mount("sysfs", "sysfs", "/sys", SAFE | Mount.MS_RDONLY, "");
        mount("devtmpfs", "devtmpfs", "/dev", Mount.MS_NOSUID, "");
        mount("devpts", "devpts", "/dev/pts", Mount.MS_NOSUID | Mount.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
        mount("tmpfs", "tmpfs", "/dev/shm", Mount.MS_NOSUID | Mount.MS_NODEV, "");
    }

    private void mount(String type, String source, String path, long flags, String options) throws SandboxException {
        FileSystemProvider provider = kernel.fileSystems().find(type);
        if (provider == null) {
            log.warn("nothing provides filesystem type={}; {} is what the root filesystem has there", type, path);
            return;
        }
        try {
            FileSystem fileSystem = provider.mount(new MountRequest(source, flags, options(options), Credentials.ROOT));
            namespace.mount(fileSystem, source, flags, directory(path));
        } catch (ErrnoException e) {
            throw new SandboxException("cannot mount " + type + " on " + path + ": " + e.getMessage(), e);
        }
    }

    /**
     * Mounts a directory or file of the host.
     *
     * @param volume what and where
     * @throws SandboxException when it cannot be mounted
     */
    void mountVolume(Volume volume) throws SandboxException {
        String name = volume.provider() == null ? Volume.DIRECT : volume.provider();
        FileSystemProvider provider = kernel.fileSystems().find(name);
        if (provider == null) {
            throw new SandboxException("volume " + volume.hostPath() + " needs a provider of " + name + " filesystems; no bundle has one", null);
        }
        if (!name.equals(Volume.DIRECT) && volume.hostPath().indexOf(',') >= 0) {
            throw new SandboxException("volume " + volume.hostPath() + " has a comma in its path, where options of " + name + " would start", null);
        }
        long flags = Mount.MS_NOSUID | Mount.MS_NODEV | (volume.isReadOnly() ? Mount.MS_RDONLY : 0);
        Path host = Path.of(new String(volume.hostPath().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
        try {
            if (Files.isDirectory(host)) {
                namespace.mount(provider.mount(request(volume, volume.hostPath(), flags)), volume.hostPath(), flags,
                        directory(volume.guestPath()));
                return;
            }
            // A file is bound from its directory, which itself is mounted nowhere.
            int slash = volume.hostPath().lastIndexOf('/');
            FileSystem parent = provider.mount(request(volume, slash == 0 ? "/" : volume.hostPath().substring(0, slash), flags));
            dev.caisson.vfs.Mount hidden = MountNamespace.detached(parent, volume.hostPath(), flags);
            try {
                Location file = vfs.resolve(root, new Location(hidden, hidden.root()), volume.hostPath().substring(slash + 1),
                        PathWalker.FOLLOW);
                namespace.bind(file, file(volume.guestPath()), false);
            } finally {
                MountNamespace.dissolve(hidden);
            }
            if (volume.isReadOnly()) {
                namespace.remount(vfs.resolve(root, null, volume.guestPath(), PathWalker.FOLLOW), flags);
            }
        } catch (ErrnoException e) {
            throw new SandboxException("cannot mount volume " + volume.hostPath() + " on " + volume.guestPath() + ": " + e.getMessage(), e);
        }
    }

    private static MountRequest request(Volume volume, String source, long flags) {
        Map<String, String> options = volume.cache() == null ? Map.of() : Map.of("cache", volume.cache());
        return new MountRequest(source, flags, options, Credentials.ROOT);
    }

    /**
     * Finds a place.
     *
     * @param path absolute path
     * @return where it is, what is mounted there included
     * @throws ErrnoException as stat(2)
     */
    public Location place(String path) throws ErrnoException {
        return vfs.resolve(root, null, path, PathWalker.FOLLOW);
    }

    /**
     * Finds a directory, and makes it and those above it where they are missing.
     *
     * @param path absolute path
     * @return the directory
     * @throws ErrnoException as mkdir(2)
     */
    public Location directory(String path) throws ErrnoException {
        for (int slash = path.indexOf('/', 1); ; slash = path.indexOf('/', slash + 1)) {
            String part = slash < 0 ? path : path.substring(0, slash);
            try {
                vfs.mkdir(root, null, part, 0755);
            } catch (ErrnoException e) {
                if (e.errno() != Errno.EEXIST && e.errno() != Errno.EROFS) {
                    throw e;
                }
            }
            if (slash < 0) {
                return vfs.resolve(root, null, path, PathWalker.FOLLOW | PathWalker.DIRECTORY);
            }
        }
    }

    /**
     * Finds a file, and makes it and the directories above it where they are missing.
     *
     * @param path absolute path
     * @return the file
     * @throws ErrnoException as open(2)
     */
    public Location file(String path) throws ErrnoException {
        int slash = path.lastIndexOf('/');
        if (slash > 0) {
            directory(path.substring(0, slash));
        }
        vfs.open(root, null, path, Fcntl.O_CREAT | Fcntl.O_WRONLY, 0644, 0).release();
        return vfs.resolve(root, null, path, PathWalker.FOLLOW);
    }

    private static Map<String, String> options(String text) {
        Map<String, String> options = new LinkedHashMap<>();
        for (String option : text.isEmpty() ? new String[0] : text.split(",")) {
            int equals = option.indexOf('=');
            options.put(equals < 0 ? option : option.substring(0, equals), equals < 0 ? "" : option.substring(equals + 1));
        }
        return options;
    }
}
