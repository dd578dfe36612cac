package dev.caisson.kernel.namespace;

import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;

/** The hidden filesystem nsfs of a kernel: one file per namespace. Thread-safe. */
public final class NamespaceFiles {
    private static final int NSFS_DEVICE = 4;

    private final Kernel kernel;
    private final Files files = new Files();
    private final dev.caisson.vfs.Mount mount = dev.caisson.vfs.Mount.internal(files, "nsfs");
    /** Mount namespaces have no number of their own. */
    private final Map<MountNamespace, Long> numbers = Collections.synchronizedMap(new WeakHashMap<>());

    private NamespaceFiles(Kernel kernel) {
        this.kernel = kernel;
        mount.retain(); // never closed
    }

    /**
     * The files of a kernel.
     *
     * @param kernel the kernel
     * @return its files, always the same
     */
    public static NamespaceFiles of(Kernel kernel) {
        return kernel.services().of(NamespaceFiles.class, () -> new NamespaceFiles(kernel));
    }

    /**
     * Where a link of /proc/PID/ns leads.
     *
     * @param task whose namespace
     * @param kind the kind
     * @return the file, or null when the task has ended
     */
    public Location location(Task task, NamespaceKind kind) {
        Object namespace = kind.of(task);
        if (namespace == null) {
            return null;
        }
        long number = number(kind, namespace);
        return Location.unnamed(mount, kind.label() + ":[" + number + "]", new Node(files, kind, namespace, number));
    }

    private long number(NamespaceKind kind, Object namespace) {
        return switch (namespace) {
            case UtsNamespace uts -> uts.id();
            case IpcNamespace ipc -> ipc.number();
            case PidNamespace pids -> pids.id();
            case MountNamespace mounts -> numbers.computeIfAbsent(mounts, key -> kernel.nextNamespaceId());
            default -> kind.onlyNumber();
        };
    }

    private static final class Node extends Inode {
        private final FileSystem files;
        private final NamespaceKind kind;
        private final Object namespace;
        private final long number;
        private final long createdNs = FileClock.nowNs();

        Node(FileSystem files, NamespaceKind kind, Object namespace, long number) {
            this.files = files;
            this.kind = kind;
            this.namespace = namespace;
            this.number = number;
        }

        @Override
        public FileSystem fileSystem() {
            return files;
        }

        @Override
        public Attributes attributes() {
            return new Attributes(NSFS_DEVICE, number, mode(), 1, 0, 0, 0, 0, 4096, 0, createdNs, createdNs, createdNs, Long.MIN_VALUE);
        }

        @Override
        public void change(AttributeChange change) {
            // As for every file without a place on disk: accepted, and forgotten with the inode.
        }

        @Override
        public int mode() {
            return Stat.S_IFREG | 0444;
        }

        @Override
        public int uid() {
            return 0;
        }

        @Override
        public int gid() {
            return 0;
        }

        @Override
        public long number() {
            return number;
        }

        @Override
        public OpenFile open(int flags) {
            return new NamespaceFile(kind, namespace);
        }
    }

    private static final class Files implements FileSystem {
        private final Node root = new Node(this, NamespaceKind.USER, null, 0);

        @Override
        public String typeName() {
            return "nsfs";
        }

        @Override
        public String options() {
            return "";
        }

        @Override
        public long deviceId() {
            return NSFS_DEVICE;
        }

        @Override
        public Inode root() {
            return root;
        }

        @Override
        public boolean cachesDentries() {
            return true;
        }

        @Override
        public FileSystemStatus status() {
            return new FileSystemStatus(Mount.NSFS_MAGIC, 4096, 0, 0, 0, 0, 0, 0, 255);
        }

        @Override
        public void sync() {}

        @Override
        public void close() {}
    }
}
