package dev.caisson.fs.dev;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * devtmpfs: a tmpfs with the device nodes, links and mount points of a container's /dev (OCI runtime specification, default devices).
 */
@Component(property = FileSystemProvider.NAME + "=devtmpfs")
public final class DevtmpfsProvider implements FileSystemProvider {
    private record Node(String name, int mode, int gid, int major, int minor) {}

    private static final Node[] NODES = {
        new Node("null", 0666, 0, 1, 3), new Node("zero", 0666, 0, 1, 5), new Node("full", 0666, 0, 1, 7),
        new Node("random", 0666, 0, 1, 8), new Node("urandom", 0666, 0, 1, 9), new Node("tty", 0666, 5, 5, 0),
        new Node("console", 0620, 5, 5, 1), new Node("ptmx", 0666, 5, 5, 2),
    };
    private static final String[][] LINKS = {
        {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
        {"core", "/proc/kcore"},
    };

    private final FileSystemProvider memory;

    /**
     * Makes the provider.
     *
     * @param memory makes filesystems in memory
     */
    @Activate
    public DevtmpfsProvider(@Reference(target = "(caisson.name=tmpfs)") FileSystemProvider memory) {
        this.memory = memory;
    }

    @Override
    public String name() {
        return "devtmpfs";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        Map<String, String> options = new LinkedHashMap<>(request.options());
        options.putIfAbsent("mode", "0755");
        FileSystem fileSystem = memory.mount(new MountRequest("devtmpfs", request.flags(), options, request.credentials()));
        try {
            fill(fileSystem.root());
        } catch (ErrnoException | RuntimeException e) {
            fileSystem.close();
            throw e;
        }
        return fileSystem;
    }

    private static void fill(Inode root) throws ErrnoException {
        for (Node node : NODES) {
            root.create(node.name, new NewNode(Stat.S_IFCHR | node.mode, 0, node.gid, DeviceNumbers.of(node.major, node.minor)));
        }
        for (String[] link : LINKS) {
            root.symlink(link[0], link[1], new NewNode(Stat.S_IFLNK | 0777, 0, 0, 0));
        }
        root.create("pts", new NewNode(Stat.S_IFDIR | 0755, 0, 0, 0));
        root.create("shm", new NewNode(Stat.S_IFDIR | 01777, 0, 0, 0));
        root.create("mqueue", new NewNode(Stat.S_IFDIR | 01777, 0, 0, 0));
    }
}
