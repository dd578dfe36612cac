package dev.caisson.fs.overlay;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;

/** Recognises upper files of earlier mounts: what they came from, and how many names they have. */
final class UpperFiles {
    private UpperFiles() {}

    /** The file that an upper entry stands for. */
    static OverlayInode of(OverlayDirectory directory, Inode above, String child) throws ErrnoException {
        OverlayFileSystem overlay = directory.overlay();
        byte[] origin = directory.isImpure() ? overlay.marks().origin(above) : null;
        if (origin == null) {
            return new OverlayInode(overlay, above, OverlayInode.NO_LOWERS, overlay.origins().upperNumber(above.number()));
        }
        if ((above.mode() & Stat.S_IFMT) == Stat.S_IFREG && overlay.marks().isWithoutData(above)) {
            throw Errno.EPERM.error("a copy without data, which overlayfs makes with metacopy=on"); // as Linux without that option
        }
        long number = overlay.origins().number(origin);
        OverlayInode file = new OverlayInode(overlay, above, OverlayInode.NO_LOWERS,
                number != 0 ? number : overlay.origins().upperNumber(above.number()));
        if (above.attributes().links() > 1 && overlay.mayBeIndexed()) {
            String name = Origins.indexName(origin);
            Inode entry = overlay.index().lookup(name);
            if (entry == above) {
                int lowerLinks = lowerLinks(directory, child);
                file.indexed(name, difference(overlay.marks().links(above), above, lowerLinks));
            }
        }
        return file;
    }

    /** The copy of a lower file that has no upper name here, but another one; null if there is none. */
    static OverlayInode indexed(OverlayDirectory directory, Inode low) throws ErrnoException {
        OverlayFileSystem overlay = directory.overlay();
        if (!overlay.mayBeIndexed() || low.attributes().links() < 2) {
            return null;
        }
        String name = overlay.origins().indexName(low);
        Inode entry = overlay.index().lookup(name);
        if (entry == null) {
            return null;
        }
        OverlayInode known = LayerLinks.find(entry, overlay);
        if (known != null) {
            return known;
        }
        OverlayInode file = new OverlayInode(overlay, entry, new Inode[] {low}, overlay.origins().lowerNumber(low));
        file.indexed(name, difference(overlay.marks().links(entry), entry, low.attributes().links()));
        return LayerLinks.bind(entry, file);
    }

    private static int lowerLinks(OverlayDirectory directory, String child) throws ErrnoException {
        Inode[] below = LowerLayers.find(directory, child, null, false).inodes();
        return below.length == 1 && !Marks.isDirectory(below[0]) ? below[0].attributes().links() : -1;
    }

    /** How many names the file has more than links: one link is that of the index, and some names may be in the lower layer only. */
    private static int difference(String mark, Inode upper, int lowerLinks) throws ErrnoException {
        if (mark != null) {
            try {
                int difference = Integer.parseInt(mark.substring(1));
                if (mark.charAt(0) == 'U') {
                    return difference;
                }
                if (mark.charAt(0) == 'L' && lowerLinks > 0) {
                    return lowerLinks + difference - upper.attributes().links();
                }
            } catch (NumberFormatException e) {
                return -1; // as without the mark
            }
        }
        return -1;
    }
}
