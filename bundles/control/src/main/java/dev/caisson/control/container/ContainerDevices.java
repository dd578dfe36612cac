package dev.caisson.control.container;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.BootCaller;
import dev.caisson.control.internal.FileTree;
import dev.caisson.kernel.Kernel;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciDevice;
import dev.caisson.oci.spec.OciMount;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.Vfs;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The device nodes and links of a container: config-linux.md, "Default Devices", "Default symbolic links", and those of the configuration. A node
 * of a device that this kernel does not have is made as well, as others look for it; opening it is ENXIO.
 */
final class ContainerDevices {
    private static final Logger log = LoggerFactory.getLogger(ContainerDevices.class);
    private static final int TTY_GROUP = 5;
    /** Kinds of filesystems whose nodes are the sandbox's own. */
    private static final Set<String> IN_MEMORY = Set.of("tmpfs", "devtmpfs", "overlay");

    private static final List<OciDevice> DEFAULTS = List.of(device("null", 1, 3), device("zero", 1, 5), device("full", 1, 7),
            device("random", 1, 8), device("urandom", 1, 9), new OciDevice("/dev/tty", 'c', 5, 0, 0666, 0, TTY_GROUP));
    private static final OciDevice CONSOLE = new OciDevice("/dev/console", 'c', 5, 1, 0620, 0, TTY_GROUP);
    private static final String[][] LINKS = {
        {"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/core", "/proc/kcore"}, {"/dev/ptmx", "pts/ptmx"},
    };

    private final Vfs vfs;
    private final BootCaller root;
    private final FileTree tree;
    private final OciConfig config;

    ContainerDevices(Kernel kernel, FileTree tree, OciConfig config) {
        this.vfs = kernel.vfs();
        this.tree = tree;
        this.root = tree.root();
        this.config = config;
    }

    private static OciDevice device(String name, int major, int minor) {
        return new OciDevice("/dev/" + name, 'c', major, minor, 0666, 0, 0);
    }

    /** Makes them; none where a directory of the host is bound on /dev, as runc. */
    void make() throws SandboxException {
        boolean isHosts = config.mounts().stream().anyMatch(mount -> mount.destination().equals("/dev") && mount.type().equals(OciMount.BIND));
        if (isHosts) {
            return;
        }
        OciDevice current = CONSOLE;
        root.fs().umask(0);
        try {
            for (OciDevice each : DEFAULTS) {
                current = each;
                node(each);
            }
            if (config.process().terminal()) {
                node(CONSOLE);
            }
            for (String[] link : LINKS) {
                link(link[0], link[1]);
            }
            for (OciDevice each : config.linux().devices()) {
                current = each;
                if (!isKnown(each)) {
                    log.warn("linux.devices: this kernel has no device {} {}:{}; opening {} fails", each.type(), each.major(), each.minor(),
                            each.path());
                }
                node(each);
            }
        } catch (ErrnoException e) {
            throw new SandboxException("linux.devices: cannot make " + current.path() + ": " + e.getMessage(), e);
        } finally {
            root.fs().umask(022);
        }
    }

    private static boolean isKnown(OciDevice device) {
        return device.type() == 'p' || DEFAULTS.stream().anyMatch(each -> isSame(each, device)) || isSame(CONSOLE, device)
                || device.type() == 'c' && (device.major() == 5 && device.minor() == 2 || device.major() == 136);
    }

    private static boolean isSame(OciDevice one, OciDevice other) {
        return one.type() == other.type() && one.major() == other.major() && one.minor() == other.minor();
    }

    private void node(OciDevice device) throws ErrnoException, SandboxException {
        String path = GuestText.of(device.path());
        int slash = path.lastIndexOf('/');
        String type = tree.directory(slash > 0 ? path.substring(0, slash) : "/").mount().fileSystem().typeName();
        if (!IN_MEMORY.contains(type)) {
            // It would be one of the host, and what it takes the place of would be the host's, too.
            throw new SandboxException("linux.devices: " + device.path() + " lies in files of the host, where no device nodes are made", null);
        }
        int format = switch (device.type()) {
            case 'c' -> Stat.S_IFCHR;
            case 'b' -> Stat.S_IFBLK;
            default -> Stat.S_IFIFO;
        };
        long number = device.type() == 'p' ? 0 : DeviceNumbers.of(device.major(), device.minor());
        try {
            vfs.mknod(root, null, path, format | device.fileMode(), number);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            vfs.unlink(root, null, path);
            vfs.mknod(root, null, path, format | device.fileMode(), number);
        }
        if (device.uid() != 0 || device.gid() != 0) {
            vfs.chown(root, vfs.resolve(root, null, path, 0), device.uid(), device.gid());
            vfs.chmod(root, vfs.resolve(root, null, path, 0), device.fileMode());
        }
    }

    private void link(String path, String target) throws ErrnoException {
        try {
            vfs.symlink(root, target, null, path);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            // runc, too: what is there already stays, but for ptmx, which is of no use.
            if (target.equals("pts/ptmx")) {
                vfs.unlink(root, null, path);
                vfs.symlink(root, target, null, path);
            }
        }
    }
}
