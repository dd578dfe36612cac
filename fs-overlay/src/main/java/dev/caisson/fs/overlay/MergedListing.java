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
    private static final int TYPE_REGULAR = Stat.S_IFREG >>> 12;

    private final OverlayDirectory directory;
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();

    MergedListing(OverlayDirectory directory) {
        this.directory = directory;
    }

    /** All visible entries but "." and "..". */
    List<Entry> read() throws ErrnoException {
        Inode upper = directory.upper();
        if (upper != null) {
            readLayer(upper, -1);
        }
        for (int i = 0; i < directory.lowers.length; i++) {
            readLayer(directory.lowers[i], i);
        }
        return entries;
    }

    private void readLayer(Inode layer, int index) throws ErrnoException {
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
            if (entry.name.equals(".") || entry.name.equals("..") || !seen.add(entry.name)
                    || isWhiteout(directory, layer, index, entry.name, entry.type)) {
                continue;
            }
            entries.add(new Entry(entry.name, number(directory, layer, index, entry.name, entry.inode), entry.type));
        }
    }

    /**
     * Whether an entry of a layer is a whiteout.
     *
     * @param index which of the lower layers, or -1 for the upper one
     */
    static boolean isWhiteout(OverlayDirectory directory, Inode layer, int index, String name, int type) throws ErrnoException {
        boolean isMarked = index < 0 ? directory.isUpperMarked() : directory.isMarked(index);
        if (type != TYPE_CHARACTER_DEVICE && !(isMarked && type == TYPE_REGULAR)) {
            return false;
        }
        Inode inode = layer.lookup(name);
        return inode != null && directory.overlay().marks().isWhiteout(inode, isMarked);
    }

    /** The inode number that stat(2) will tell for an entry of a layer. */
    static long number(OverlayDirectory directory, Inode layer, int index, String name, long inode) throws ErrnoException {
        Origins origins = directory.overlay().origins();
        if (index >= 0) {
            return origins.lowerNumber(origins.layerOf(layer), inode);
        }
        if (directory.lowers.length == 0 && !directory.isImpure()) {
            return origins.upperNumber(inode);
        }
        Inode shown = directory.lookup(name);
        return shown != null ? shown.number() : origins.upperNumber(inode);
    }
}
