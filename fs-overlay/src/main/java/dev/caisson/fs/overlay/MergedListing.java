package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Reads what a directory of several layers shows. */
final class MergedListing {
    /** One visible entry. */
    record Entry(String name, long inode, int type) {}

    private static final int TYPE_CHARACTER_DEVICE = Stat.S_IFCHR >>> 12;

    private final OverlayDirectory directory;
    private final List<Entry> entries = new ArrayList<>();
    private final List<String> upperWhiteouts = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();

    MergedListing(OverlayDirectory directory) {
        this.directory = directory;
    }

    /** All visible entries but "." and "..". */
    List<Entry> read() throws ErrnoException {
        directory.names.lock();
        try {
            Inode upper = directory.upper();
            if (upper != null) {
                readLayer(upper, -1);
            }
        } finally {
            directory.names.unlock();
        }
        for (Inode lower : directory.lowers) {
            readLayer(lower, ((OverlayFileSystem) directory.fileSystem()).layerOf(lower));
        }
        return entries;
    }

    /** Counts the visible entries and names the whiteouts of the upper directory. */
    int readForRemoval(List<String> whiteouts) throws ErrnoException {
        int count = read().size();
        whiteouts.addAll(upperWhiteouts);
        return count;
    }

    private void readLayer(Inode layer, int lowerIndex) throws ErrnoException {
        List<Entry> raw = new ArrayList<>();
        OpenFile file = layer.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            long[] position = {0};
            int before;
            do {
                before = raw.size();
                position[0] = file.readDirectory(position[0], (name, inode, type, next) -> raw.add(new Entry(name, inode, type)));
            } while (raw.size() > before);
        } finally {
            file.close();
        }
        for (Entry entry : raw) {
            if (entry.name.equals(".") || entry.name.equals("..") || !seen.add(entry.name)) {
                continue;
            }
            if (isWhiteout(layer, entry.name, entry.type)) {
                if (lowerIndex < 0) {
                    upperWhiteouts.add(entry.name);
                }
                continue;
            }
            entries.add(new Entry(entry.name, number(directory, layer, lowerIndex, entry.name, entry.inode), entry.type));
        }
    }

    static boolean isWhiteout(Inode layer, String name, int type) throws ErrnoException {
        if (type != TYPE_CHARACTER_DEVICE) {
            return false;
        }
        Inode inode = layer.lookup(name);
        return inode != null && Marks.isWhiteout(inode);
    }

    /** The inode number that stat(2) will tell for an entry of a layer. */
    static long number(OverlayDirectory directory, Inode layer, int lowerIndex, String name, long inode) throws ErrnoException {
        if (lowerIndex >= 0) {
            return OverlayFileSystem.lowerNumber(lowerIndex, inode);
        }
        Inode above = layer.lookup(name);
        OverlayInode known = above == null ? null : LayerLinks.find(above, (OverlayFileSystem) directory.fileSystem());
        return known != null ? known.number() : OverlayFileSystem.upperNumber(inode);
    }
}
