package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.EISDIR;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** A directory of an archive. While the archive is read its entries are in a map, later in two arrays, by name. */
final class TarDirectory extends TarInode {
    private static final int TYPE_SHIFT = 12;
    private static final int DOTS = 2;

    private final TarDirectory parent;
    /** What a later mention of the directory says, or null. */
    private TarEntry latest;
    /** Null once all is read. */
    private Map<String, TarInode> building = new HashMap<>(4);
    private String[] names;
    private TarInode[] files;

    TarDirectory(TarFileSystem fileSystem, long number, TarEntry entry, TarDirectory parent) {
        super(fileSystem, number, entry);
        this.parent = parent == null ? this : parent;
    }

    @Override
    TarEntry entry() {
        return latest != null ? latest : super.entry();
    }

    // ---- while the archive is read

    /** The archive mentions it again. */
    void describe(TarEntry entry) {
        latest = entry;
    }

    TarInode child(String name) {
        return building.get(name);
    }

    TarInode put(String name, TarInode file) {
        return building.put(name, file);
    }

    Collection<TarInode> children() {
        return building.values();
    }

    /** All is read. */
    void freeze() {
        String[] sorted = building.keySet().toArray(String[]::new);
        Arrays.sort(sorted);
        TarInode[] found = new TarInode[sorted.length];
        int directories = 0;
        for (int i = 0; i < sorted.length; i++) {
            found[i] = building.get(sorted[i]);
            directories += found[i].isDirectory() ? 1 : 0;
        }
        names = sorted;
        files = found;
        countLinks(1 + directories); // "." and each "..", beside the one name
        building = null;
    }

    // ---- afterwards

    @Override
    public Inode lookup(String name) {
        int at = Arrays.binarySearch(names, name);
        return at < 0 ? null : files[at];
    }

    @Override
    public OpenFile open(int flags) {
        return new Listing();
    }

    private final class Listing extends OpenFile {
        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            throw EISDIR.error();
        }

        @Override
        public long sizeBytes() {
            return attributes().sizeBytes();
        }

        @Override
        public void sync(boolean dataOnly) {}

        @Override
        public long readDirectory(long position, DirectorySink sink) {
            long next = position;
            while (next < DOTS) {
                if (!sink.entry(next == 0 ? "." : "..", next == 0 ? number() : parent.number(), Stat.S_IFDIR >>> TYPE_SHIFT, next + 1)) {
                    return next;
                }
                next++;
            }
            while (next - DOTS < names.length) {
                int at = (int) next - DOTS;
                TarInode file = files[at];
                if (!sink.entry(names[at], file.number(), (file.mode() & Stat.S_IFMT) >>> TYPE_SHIFT, next + 1)) {
                    return next;
                }
                next++;
            }
            return next;
        }
    }
}
