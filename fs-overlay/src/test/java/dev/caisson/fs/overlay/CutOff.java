package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.host.HostUpperFileSystem;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileHandle;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.UpperLayer;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/** An upper layer that ends all at once: after so many calls that change it, every further one fails, as if the process was killed. */
final class CutOff {
    /** The end. */
    static final class Happened extends Error {
        private static final long serialVersionUID = 1;
    }

    private int left = Integer.MAX_VALUE;
    private boolean hasHappened;
    private UpperLayer real;

    void after(int calls) {
        left = calls;
    }

    boolean hasHappened() {
        return hasHappened;
    }

    /** What the end of a process gives back: descriptors and locks. */
    void release(FileSystem overlay) {
        left = Integer.MAX_VALUE;
        real.close();
    }

    private void step() {
        if (left-- <= 0) {
            hasHappened = true;
            throw new Happened();
        }
    }

    FileSystemProvider around(FileSystemProvider provider) {
        return new FileSystemProvider() {
            @Override
            public String name() {
                return provider.name();
            }

            @Override
            public boolean isGuestMountable() {
                return false;
            }

            @Override
            public FileSystem mount(MountRequest request) throws ErrnoException {
                FileSystem mounted = provider.mount(request);
                if (!(mounted instanceof HostUpperFileSystem upper)) {
                    return mounted;
                }
                real = upper;
                return new Layer(upper);
            }
        };
    }

    private final class Layer implements UpperLayer {
        private final UpperLayer layer;
        private final Map<Inode, Node> nodes = new WeakHashMap<>();
        private final Map<Inode, Inode> kept = new java.util.HashMap<>();

        private Layer(UpperLayer layer) {
            this.layer = layer;
        }

        private Node wrap(Inode inode) {
            if (inode == null) {
                return null;
            }
            kept.put(inode, inode);
            return nodes.computeIfAbsent(inode, key -> new Node(this, key));
        }

        @Override
        public Inode workDirectory() {
            return wrap(layer.workDirectory());
        }

        @Override
        public Inode indexDirectory() {
            return wrap(layer.indexDirectory());
        }

        @Override
        public boolean isStored() {
            return true;
        }

        @Override
        public long usedBytes() {
            return layer.usedBytes();
        }

        @Override
        public long freeBytes() {
            return layer.freeBytes();
        }

        @Override
        public String typeName() {
            return layer.typeName();
        }

        @Override
        public String options() {
            return layer.options();
        }

        @Override
        public long deviceId() {
            return layer.deviceId();
        }

        @Override
        public Inode root() {
            return wrap(layer.root());
        }

        @Override
        public boolean cachesDentries() {
            return true;
        }

        @Override
        public FileSystemStatus status() throws ErrnoException {
            return layer.status();
        }

        @Override
        public void sync() throws ErrnoException {}

        @Override
        public void close() {}
    }

    private final class Node extends Inode {
        private final Layer layer;
        private final Inode inode;

        private Node(Layer layer, Inode inode) {
            this.layer = layer;
            this.inode = inode;
        }

        private Inode unwrap(Inode node) {
            return node == null ? null : ((Node) node).inode;
        }

        @Override
        public FileSystem fileSystem() {
            return layer;
        }

        @Override
        public Attributes attributes() throws ErrnoException {
            return inode.attributes();
        }

        @Override
        public int mode() {
            return inode.mode();
        }

        @Override
        public int uid() {
            return inode.uid();
        }

        @Override
        public int gid() {
            return inode.gid();
        }

        @Override
        public long number() {
            return inode.number();
        }

        @Override
        public FileIdentity identity() throws ErrnoException {
            return inode.identity();
        }

        @Override
        public FileHandle fileHandle() throws ErrnoException {
            return inode.fileHandle();
        }

        @Override
        public void change(AttributeChange change) throws ErrnoException {
            step();
            inode.change(change);
        }

        @Override
        public Inode lookup(String name) throws ErrnoException {
            return layer.wrap(inode.lookup(name));
        }

        @Override
        public Inode create(String name, NewNode node) throws ErrnoException {
            step();
            return layer.wrap(inode.create(name, node));
        }

        @Override
        public Inode symlink(String name, String target, NewNode node) throws ErrnoException {
            step();
            return layer.wrap(inode.symlink(name, target, node));
        }

        @Override
        public void link(String name, Inode target) throws ErrnoException {
            step();
            inode.link(name, unwrap(target));
        }

        @Override
        public void unlink(String name, Inode target) throws ErrnoException {
            step();
            inode.unlink(name, unwrap(target));
        }

        @Override
        public void rmdir(String name, Inode target) throws ErrnoException {
            step();
            inode.rmdir(name, unwrap(target));
        }

        @Override
        public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
                throws ErrnoException {
            step();
            inode.rename(oldName, unwrap(source), unwrap(newParent), newName, unwrap(replaced), flags);
        }

        @Override
        public String readLink() throws ErrnoException {
            return inode.readLink();
        }

        @Override
        public OpenFile open(int flags) throws ErrnoException {
            return inode.open(flags);
        }

        @Override
        public byte[] getXattr(String name) throws ErrnoException {
            return inode.getXattr(name);
        }

        @Override
        public void setXattr(String name, byte[] value, int flags) throws ErrnoException {
            step();
            inode.setXattr(name, value, flags);
        }

        @Override
        public List<String> listXattrs() throws ErrnoException {
            return inode.listXattrs();
        }

        @Override
        public void removeXattr(String name) throws ErrnoException {
            step();
            inode.removeXattr(name);
        }
    }
}
