package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/** A filesystem over a tree that others of its kind serve as well, each with inodes of its own, and each lists directories in its own order. */
final class TwinFileSystem implements FileSystem {
    /** A file as it is kept. */
    static final class Kept {
        private static int last;
        final int number = ++last;
        final int type;
        int mode;
        byte[] content = new byte[0];
        long modifiedNs = number;
        final Map<String, Kept> names = new LinkedHashMap<>();
        int links = 1;

        Kept(int mode) {
            this.type = mode & Stat.S_IFMT;
            this.mode = mode;
        }
    }

    private final boolean isCaching;
    private final boolean isBackwards;
    private final Map<Kept, Node> nodes = new WeakHashMap<>();
    private final Node root;
    int opens;
    boolean isClosed;
    /** Number of a file that cannot be opened; 0 for none. */
    int unopenable;
    /** Whether nothing can be asked any more. */
    boolean isBroken;
    String obstacle;
    /** What happens in the middle of a lookup, when the file is found and the answer is under way; null for nothing. */
    Runnable duringLookup;
    /** One whose files without a name are this one's, too. */
    TwinFileSystem kin;

    TwinFileSystem(Kept top, boolean isCaching, boolean isBackwards) {
        this.isCaching = isCaching;
        this.isBackwards = isBackwards;
        this.root = node(top);
    }

    private synchronized Node node(Kept kept) {
        return kept == null ? null : nodes.computeIfAbsent(kept, key -> new Node(this, key));
    }

    @Override
    public String typeName() {
        return "twin";
    }

    @Override
    public String options() {
        return "";
    }

    @Override
    public long deviceId() {
        return 77;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return isCaching;
    }

    @Override
    public FileSystemStatus status() {
        return new FileSystemStatus(1, 4096, 0, 0, 0, 0, 0, 0, 255);
    }

    @Override
    public void sync() {}

    @Override
    public String replacementObstacle(FileSystem next) {
        return obstacle;
    }

    @Override
    public Inode adopt(Inode file) {
        return kin != null && file.fileSystem() == kin && ((Node) file).kept.links == 0 ? node(((Node) file).kept) : null;
    }

    @Override
    public void close() {
        isClosed = true;
    }

    static final class Node extends Inode {
        private final TwinFileSystem fileSystem;
        final Kept kept;
        /** The name that it was looked up by last; null when that is forgotten. */
        String foundAs;

        Node(TwinFileSystem fileSystem, Kept kept) {
            this.fileSystem = fileSystem;
            this.kept = kept;
        }

        @Override
        public FileSystem fileSystem() {
            return fileSystem;
        }

        @Override
        public Attributes attributes() throws ErrnoException {
            if (fileSystem.isBroken) {
                throw EIO.error();
            }
            return new Attributes(77, kept.number, kept.mode, kept.links, 0, 0, 0, kept.content.length, 4096, 0, 0, kept.modifiedNs, 0,
                    Long.MIN_VALUE);
        }

        @Override
        public FileIdentity identity() throws ErrnoException {
            return FileIdentity.of(0, kept.number, attributes());
        }

        @Override
        public int mode() {
            return kept.mode;
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
            return kept.number;
        }

        @Override
        public void change(AttributeChange change) {
            kept.mode = change.modeAfter(kept.mode);
            if (change.has(AttributeChange.SIZE)) {
                kept.content = Arrays.copyOf(kept.content, (int) change.sizeBytes());
            }
        }

        @Override
        public Inode lookup(String name) throws ErrnoException {
            if (fileSystem.isBroken) {
                throw EIO.error();
            }
            Node found = fileSystem.node(kept.names.get(name));
            if (found != null) {
                found.foundAs = name;
                Runnable meanwhile = fileSystem.duringLookup;
                fileSystem.duringLookup = null;
                if (meanwhile != null) {
                    meanwhile.run();
                }
            }
            return found;
        }

        @Override
        public void forget() {
            foundAs = null;
        }

        @Override
        public Inode create(String name, NewNode node) {
            Kept made = new Kept(node.mode());
            kept.names.put(name, made);
            return fileSystem.node(made);
        }

        @Override
        public void unlink(String name, Inode target) {
            kept.names.remove(name).links--;
        }

        @Override
        public void link(String name, Inode target) {
            kept.names.put(name, ((Node) target).kept);
            ((Node) target).kept.links++;
        }

        @Override
        public void rmdir(String name, Inode target) {
            kept.names.remove(name).links = 0;
        }

        @Override
        public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags) {
            kept.names.remove(oldName);
            ((Node) newParent).kept.names.put(newName, ((Node) source).kept);
        }

        @Override
        public OpenFile open(int flags) throws ErrnoException {
            if (kept.type != Stat.S_IFREG && kept.type != Stat.S_IFDIR) {
                throw ENXIO.error();
            }
            if (kept.number == fileSystem.unopenable) {
                throw EACCES.error();
            }
            fileSystem.opens++;
            return new Open(fileSystem, kept, flags);
        }
    }

    static final class Open extends OpenFile {
        final TwinFileSystem fileSystem;
        final Kept kept;
        final int flags;

        Open(TwinFileSystem fileSystem, Kept kept, int flags) {
            this.fileSystem = fileSystem;
            this.kept = kept;
            this.flags = flags;
        }

        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            int length = (int) Math.max(0, Math.min(target.remaining(), kept.content.length - position));
            return length == 0 ? 0 : target.put(MemorySegment.ofArray(kept.content), position, length);
        }

        @Override
        public long write(IoBuffer source, long position) throws ErrnoException {
            int length = (int) source.remaining();
            kept.content = Arrays.copyOf(kept.content, Math.max(kept.content.length, (int) position + length));
            kept.modifiedNs += 1000;
            return source.get(MemorySegment.ofArray(kept.content), position, length);
        }

        @Override
        public long append(IoBuffer source) throws ErrnoException {
            long end = kept.content.length;
            return end + write(source, end);
        }

        @Override
        public long sizeBytes() {
            return kept.content.length;
        }

        @Override
        public long readDirectory(long position, DirectorySink sink) throws ErrnoException {
            if (kept.type != Stat.S_IFDIR) {
                throw Errno.ENOTDIR.error();
            }
            List<String> names = new ArrayList<>(kept.names.keySet());
            if (fileSystem.isBackwards) {
                names = names.reversed();
            }
            names.addAll(0, List.of(".", ".."));
            long at = position;
            for (int i = (int) position; i < names.size(); i++) {
                if (!sink.entry(names.get(i), i + 1, 8, i + 1)) {
                    break;
                }
                at = i + 1;
            }
            return at;
        }

        @Override
        public dev.caisson.spi.fs.Mappable mappable() throws ErrnoException {
            throw ENODEV.error();
        }

        @Override
        public void close() {
            fileSystem.opens--;
        }
    }

    /** {@return the mode of a directory that everybody may use} */
    static int directory() {
        return Stat.S_IFDIR | 0777;
    }
}
