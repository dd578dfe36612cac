package dev.caisson.vfs;

import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Files that no directory names: pipes, sockets, epoll instances and the like. Each kind has an inode that fstat(2) describes and
 * a name that /proc/PID/fd shows.
 */
public final class AnonymousFiles {
    /** What a file is. */
    public enum Kind {
        /** A pipe: {@code pipe:[4711]}. */
        PIPE("pipefs", Mount.PIPEFS_MAGIC, Stat.S_IFIFO | 0600),
        /** A socket: {@code socket:[4711]}. */
        SOCKET("sockfs", Mount.SOCKFS_MAGIC, Stat.S_IFSOCK | 0777),
        /** Anything else: {@code anon_inode:[eventfd]}. */
        OTHER("anon_inodefs", Mount.ANON_INODE_FS_MAGIC, 0600);

        private final String fileSystem;
        private final int magic;
        private final int mode;

        Kind(String fileSystem, int magic, int mode) {
            this.fileSystem = fileSystem;
            this.magic = magic;
            this.mode = mode;
        }
    }

    private static final AtomicLong NUMBERS = new AtomicLong(10_000);

    private final dev.caisson.vfs.Mount[] mounts = new dev.caisson.vfs.Mount[Kind.values().length];
    private final Watches watches;

    AnonymousFiles(Watches watches) {
        this.watches = watches;
        for (Kind kind : Kind.values()) {
            dev.caisson.vfs.Mount mount = dev.caisson.vfs.Mount.internal(new Fs(kind, 9 + kind.ordinal()), kind.fileSystem);
            mount.retain(); // never closed
            mounts[kind.ordinal()] = mount;
        }
    }

    /**
     * An inode for a new pipe, socket or other object. Attach the object to it when it must be found again.
     *
     * @param kind what it is
     * @param name for {@link Kind#OTHER}: what stands in the brackets, with the brackets if wanted: {@code [eventfd]}, {@code inotify}
     * @param owner whose fsuid and fsgid own it
     * @return the inode
     */
    public Node node(Kind kind, String name, Credentials owner) {
        return new Node(mounts[kind.ordinal()].fileSystem(), kind, name, owner.fsuid(), owner.fsgid());
    }

    /**
     * A description of an open file on an anonymous inode.
     *
     * @param node the inode; several descriptions may share it (the two ends of a pipe)
     * @param file the open file
     * @param flags {@code O_*}: access mode and status flags
     * @param owner who opens
     * @return a description with one reference
     */
    public FileDescription describe(Node node, OpenFile file, int flags, Credentials owner) {
        dev.caisson.vfs.Mount mount = mounts[node.kind.ordinal()];
        return new FileDescription(file, new Location(mount, node.dentry(mount)), flags, owner, watches);
    }

    /**
     * A description of an object that has an inode of its own.
     *
     * @param name what stands behind {@code anon_inode:}, for example {@code [eventpoll]}
     * @param file the open file
     * @param flags {@code O_*}
     * @param owner who opens
     * @return a description with one reference
     */
    public FileDescription describe(String name, OpenFile file, int flags, Credentials owner) {
        return describe(node(Kind.OTHER, name, owner), file, flags, owner);
    }

    /** An inode without a directory. */
    public static final class Node extends Inode {
        private final FileSystem fileSystem;
        private final Kind kind;
        private final String name;
        private final long number = NUMBERS.incrementAndGet();
        private final long createdNs = FileClock.nowNs();
        private volatile int mode;
        private volatile int uid;
        private volatile int gid;
        private volatile Dentry dentry;

        private Node(FileSystem fileSystem, Kind kind, String name, int uid, int gid) {
            this.fileSystem = fileSystem;
            this.kind = kind;
            this.name = name;
            this.mode = kind.mode;
            this.uid = uid;
            this.gid = gid;
        }

        private Dentry dentry(dev.caisson.vfs.Mount mount) {
            Dentry known = dentry;
            if (known == null) {
                synchronized (this) {
                    known = dentry;
                    if (known == null) {
                        known = DentryTree.detached(mount.fileSystem(), "", this);
                        dentry = known;
                    }
                }
            }
            return known;
        }

        /** {@return what /proc/PID/fd/N shows: {@code pipe:[N]}, {@code socket:[N]}, {@code anon_inode:NAME}} */
        public String displayName() {
            return switch (kind) {
                case PIPE -> "pipe:[" + number + ']';
                case SOCKET -> "socket:[" + number + ']';
                case OTHER -> "anon_inode:" + name;
            };
        }

        @Override
        public FileSystem fileSystem() {
            return fileSystem;
        }

        @Override
        public Attributes attributes() {
            return new Attributes(fileSystem.deviceId(), number, mode, 1, uid, gid, 0, 0, 4096, 0, createdNs, createdNs, createdNs,
                    Long.MIN_VALUE);
        }

        @Override
        public void change(AttributeChange change) throws ErrnoException {
            if (kind == Kind.OTHER) {
                throw EOPNOTSUPP.error(); // one inode serves them all in Linux
            }
            mode = change.modeAfter(mode);
            uid = change.uidAfter(uid);
            gid = change.gidAfter(gid);
        }

        @Override
        public int mode() {
            return mode;
        }

        @Override
        public int uid() {
            return uid;
        }

        @Override
        public int gid() {
            return gid;
        }

        @Override
        public long number() {
            return number;
        }

        @Override
        public OpenFile open(int flags) throws ErrnoException {
            throw ENXIO.error();
        }
    }

    private static final class Fs implements FileSystem {
        private final Kind kind;
        private final long device;
        private final Node root;

        Fs(Kind kind, int minor) {
            this.kind = kind;
            this.device = minor;
            this.root = new Node(this, kind, "", 0, 0);
        }

        @Override
        public String typeName() {
            return kind.fileSystem;
        }

        @Override
        public String options() {
            return "";
        }

        @Override
        public long deviceId() {
            return device;
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
            return new FileSystemStatus(kind.magic & 0xffffffffL, 4096, 0, 0, 0, 0, 0, 0, 255);
        }

        @Override
        public void sync() {}

        @Override
        public void close() {}
    }
}
