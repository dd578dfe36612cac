package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.ENOTEMPTY;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A directory. Each entry has a position that never changes and is never used again, in order of creation, so a reader that goes on from a
 * position sees every entry that was there all the time exactly once.
 */
final class TmpfsDirectory extends TmpfsInode {
    private static final class Entry {
        final String name;
        final long position;
        TmpfsInode inode;

        Entry(String name, long position, TmpfsInode inode) {
            this.name = name;
            this.position = position;
            this.inode = inode;
        }
    }

    /** Positions of "." and ".." are 0 and 1. */
    private static final long FIRST = 2;
    /** What an entry counts in {@code st_size}: BOGO_DIRENT_SIZE of Linux. */
    private static final int ENTRY_BYTES = 20;
    private static final int BATCH = 64;

    /** Guarded by this, as the other maps. */
    private final Map<String, Entry> byName = new HashMap<>();
    private final TreeMap<Long, Entry> byPosition = new TreeMap<>();
    private long nextPosition = FIRST;
    private TmpfsDirectory parent;

    TmpfsDirectory(TmpfsFileSystem owner, NewNode node, TmpfsDirectory parent) {
        super(owner, node, 2);
        this.parent = parent == null ? this : parent;
    }

    @Override
    synchronized long sizeBytes() {
        return 40 + (long) byName.size() * ENTRY_BYTES;
    }

    @Override
    public synchronized Inode lookup(String name) {
        Entry entry = byName.get(name);
        return entry == null ? null : entry.inode;
    }

    private synchronized void add(String name, TmpfsInode inode) throws ErrnoException {
        if (byName.containsKey(name)) {
            throw EEXIST.error();
        }
        Entry entry = new Entry(name, nextPosition++, inode);
        byName.put(name, entry);
        byPosition.put(entry.position, entry);
    }

    private synchronized void remove(String name) {
        Entry entry = byName.remove(name);
        if (entry != null) {
            byPosition.remove(entry.position);
        }
    }

    private synchronized boolean isEmpty() {
        return byName.isEmpty();
    }

    private synchronized void parent(TmpfsDirectory directory) {
        parent = directory;
    }

    private synchronized TmpfsDirectory parent() {
        return parent;
    }

    @Override
    public Inode create(String name, NewNode node) throws ErrnoException {
        owner.charge();
        TmpfsInode made = switch (node.mode() & Stat.S_IFMT) {
            case Stat.S_IFREG -> new TmpfsFile(owner, node);
            case Stat.S_IFDIR -> new TmpfsDirectory(owner, node, this);
            default -> new TmpfsSpecial(owner, node);
        };
        made.inheritAcl(this);
        addCharged(name, made);
        return made;
    }

    @Override
    public Inode symlink(String name, String target, NewNode node) throws ErrnoException {
        owner.charge();
        TmpfsInode made = new TmpfsSymlink(owner, node, target);
        addCharged(name, made);
        return made;
    }

    private void addCharged(String name, TmpfsInode made) throws ErrnoException {
        try {
            add(name, made);
        } catch (ErrnoException e) {
            made.dropXattrs();
            owner.uncharge();
            throw e;
        }
        if (made instanceof TmpfsDirectory) {
            addLinks(1);
        }
        modified();
    }

    @Override
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        owner.charge();
        TmpfsFile file = new TmpfsFile(owner, node);
        file.inheritAcl(this);
        file.bornUnnamed();
        return file;
    }

    @Override
    public void link(String name, Inode target) throws ErrnoException {
        TmpfsInode inode = (TmpfsInode) target;
        add(name, inode);
        inode.linked();
        modified();
    }

    @Override
    public void unlink(String name, Inode target) {
        remove(name);
        ((TmpfsInode) target).unlinked(false);
        modified();
    }

    @Override
    public void rmdir(String name, Inode target) throws ErrnoException {
        if (!((TmpfsDirectory) target).isEmpty()) {
            throw ENOTEMPTY.error();
        }
        remove(name);
        ((TmpfsInode) target).unlinked(true);
        addLinks(-1);
        modified();
    }

    @Override
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        TmpfsDirectory to = (TmpfsDirectory) newParent;
        TmpfsInode moved = (TmpfsInode) source;
        if ((flags & Fcntl.RENAME_EXCHANGE) != 0) {
            exchange(oldName, moved, to, newName, (TmpfsInode) replaced);
            return;
        }
        if (replaced instanceof TmpfsDirectory directory && !directory.isEmpty()) {
            throw ENOTEMPTY.error();
        }
        TmpfsSpecial whiteout = null;
        if ((flags & Fcntl.RENAME_WHITEOUT) != 0) {
            owner.charge();
            whiteout = new TmpfsSpecial(owner, new NewNode(Stat.S_IFCHR, moved.uid(), moved.gid(), 0));
        }
        remove(oldName);
        if (replaced != null) {
            to.remove(newName);
            ((TmpfsInode) replaced).unlinked(replaced instanceof TmpfsDirectory);
            if (replaced instanceof TmpfsDirectory) {
                to.addLinks(-1);
            }
        }
        to.add(newName, moved);
        if (whiteout != null) {
            add(oldName, whiteout);
        }
        reparent(moved, to);
        moved.changed();
        modified();
        to.modified();
    }

    private void exchange(String oldName, TmpfsInode moved, TmpfsDirectory to, String newName, TmpfsInode other) {
        replace(oldName, other);
        to.replace(newName, moved);
        reparent(moved, to);
        to.reparent(other, this);
        moved.changed();
        other.changed();
        modified();
        to.modified();
    }

    private synchronized void replace(String name, TmpfsInode inode) {
        byName.get(name).inode = inode;
    }

    /** ".." of a directory counts in the link count of what it names. */
    private void reparent(TmpfsInode moved, TmpfsDirectory to) {
        if (to != this && moved instanceof TmpfsDirectory directory) {
            addLinks(-1);
            to.addLinks(1);
            directory.parent(to);
        }
    }

    /** The filesystem is gone: all content goes. */
    void dissolve() {
        List<TmpfsInode> all = new ArrayList<>();
        synchronized (this) {
            for (Entry entry : byName.values()) {
                all.add(entry.inode);
            }
            byName.clear();
            byPosition.clear();
        }
        for (TmpfsInode inode : all) {
            if (inode instanceof TmpfsDirectory directory) {
                directory.dissolve();
            } else {
                inode.unlinked(false);
            }
        }
    }

    @Override
    public OpenFile open(int flags) {
        return new Open();
    }

    /** Up to a batch of entries from a position on, so that the sink runs without the monitor. */
    private synchronized int collect(long position, Entry[] batch, long[] numbers, int[] types) {
        int count = 0;
        for (Entry entry : byPosition.tailMap(position, true).values()) {
            batch[count] = entry;
            numbers[count] = entry.inode.number();
            types[count] = (entry.inode.mode() & Stat.S_IFMT) >>> 12;
            if (++count == batch.length) {
                break;
            }
        }
        return count;
    }

    private final class Open extends OpenFile {
        @Override
        public long readDirectory(long position, DirectorySink sink) {
            long at = position;
            if (at == 0) {
                if (!sink.entry(".", number(), Stat.S_IFDIR >>> 12, 1)) {
                    return at;
                }
                at = 1;
            }
            if (at == 1) {
                if (!sink.entry("..", parent().number(), Stat.S_IFDIR >>> 12, FIRST)) {
                    return at;
                }
                at = FIRST;
            }
            Entry[] batch = new Entry[BATCH];
            long[] numbers = new long[BATCH];
            int[] types = new int[BATCH];
            while (true) {
                int count = collect(at, batch, numbers, types);
                if (count == 0) {
                    return at;
                }
                for (int i = 0; i < count; i++) {
                    long next = batch[i].position + 1;
                    if (!sink.entry(batch[i].name, numbers[i], types[i], next)) {
                        return at;
                    }
                    at = next;
                }
            }
        }

        @Override
        public long read(dev.caisson.spi.fs.IoBuffer target, long position) throws ErrnoException {
            throw dev.caisson.abi.Errno.EISDIR.error();
        }

        @Override
        public long sizeBytes() throws ErrnoException {
            throw dev.caisson.abi.Errno.EINVAL.error(); // dcache_dir_lseek knows no SEEK_END
        }

        @Override
        public long seek(long position) throws ErrnoException {
            if (position < 0) {
                throw dev.caisson.abi.Errno.EINVAL.error();
            }
            return position;
        }

        @Override
        public void sync(boolean dataOnly) {}
    }
}
