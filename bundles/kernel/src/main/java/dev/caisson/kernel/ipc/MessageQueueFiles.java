package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.vfs.pseudo.PseudoDirectory;
import dev.caisson.vfs.pseudo.PseudoFile;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * The filesystem mqueue: the POSIX message queues of an IPC namespace as files, mq_overview(7). Deviation: a file cannot be opened in place of
 * mq_open(3), only read; nobody is shown under NOTIFY.
 */
public final class MessageQueueFiles implements FileSystemProvider {
    /** {@code MQUEUE_MAGIC}, ipc/mqueue.c. */
    private static final long MAGIC = 0x19800202;

    private final Kernel kernel;

    /**
     * Makes the kind.
     *
     * @param kernel whose root IPC namespace is shown where no task mounts
     */
    public MessageQueueFiles(Kernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public String name() {
        return "mqueue";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        if (!request.options().isEmpty()) {
            throw EINVAL.error("mqueue has no options");
        }
        Task task = Task.current();
        return of(task == null ? kernel.rootIpc() : task.namespaces().ipc());
    }

    /**
     * Shows a namespace.
     *
     * @param namespace whose queues
     * @return a filesystem to mount
     */
    public static FileSystem of(IpcNamespace namespace) {
        PseudoFileSystem files = new PseudoFileSystem("mqueue", MAGIC);
        return files.root(new Directory(files, namespace.posixQueues()));
    }

    private static final class Directory extends PseudoDirectory {
        private final PosixQueues queues;
        /** A file stays the same as long as its queue. Guarded by itself. */
        private final Map<PosixQueue, Inode> files = new WeakHashMap<>();

        Directory(FileSystem fileSystem, PosixQueues queues) {
            super(fileSystem, 01777);
            this.queues = queues;
        }

        @Override
        protected Inode lookupDynamic(String name) {
            PosixQueue queue = queues.find(name);
            if (queue == null) {
                return null;
            }
            synchronized (files) {
                return files.computeIfAbsent(queue, key -> new QueueFile(fileSystem(), key));
            }
        }

        @Override
        protected List<DynamicEntry> listDynamic() {
            List<DynamicEntry> entries = new ArrayList<>();
            for (String name : queues.names()) {
                Inode file = lookupDynamic(name);
                if (file != null) {
                    entries.add(new DynamicEntry(entries.size(), name, file.number(), file.mode()));
                }
            }
            return entries;
        }

        @Override
        public Inode create(String name, NewNode node) throws ErrnoException {
            if ((node.mode() & Stat.S_IFMT) != Stat.S_IFREG) {
                throw EPERM.error();
            }
            queues.open(name, Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_RDWR, node.mode() & 07777, null,
                    Credentials.ofUser(node.uid(), node.gid()));
            return lookupDynamic(name);
        }

        /** The directory is sticky: the VFS has looked who may. */
        @Override
        public void unlink(String name, Inode target) throws ErrnoException {
            queues.unlink(name, Credentials.ROOT);
        }
    }

    private static final class QueueFile extends PseudoFile {
        private final int permissions;
        private final int uid;
        private final int gid;

        QueueFile(FileSystem fileSystem, PosixQueue queue) {
            // The queue itself must not be kept by its file, or it would never leave the map.
            this(fileSystem, queue, new WeakReference<>(queue));
        }

        private QueueFile(FileSystem fileSystem, PosixQueue queue, WeakReference<PosixQueue> reference) {
            super(fileSystem, queue.mode, () -> text(reference.get()));
            this.permissions = queue.mode;
            this.uid = queue.uid;
            this.gid = queue.gid;
        }

        private static String text(PosixQueue queue) {
            return String.format("QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", queue == null ? 0 : queue.bytes(), 0, 0, 0);
        }

        @Override
        public int mode() {
            return Stat.S_IFREG | permissions;
        }

        @Override
        public int uid() {
            return uid;
        }

        @Override
        public int gid() {
            return gid;
        }
    }
}
