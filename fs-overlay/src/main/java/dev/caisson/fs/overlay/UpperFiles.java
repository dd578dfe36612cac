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
        if (!directory.isImpure()) {
            return new OverlayInode(overlay, above, OverlayInode.NO_LOWERS, overlay.origins().upperNumber(above.number()));
        }
        Inode content = overlay.isStored() && overlay.marks().isWithoutData(above) ? content(directory, above, child) : null;
        byte[] origin = overlay.marks().origin(above);
        long number = overlay.origins().number(origin);
        OverlayInode file = new OverlayInode(overlay, above, OverlayInode.NO_LOWERS,
                number != 0 ? number : overlay.origins().upperNumber(above.number())).withContentOf(content);
        if (origin != null && above.attributes().links() > 1 && overlay.mayBeIndexed()) {
            String name = Origins.indexName(origin);
            Inode entry = overlay.index().lookup(name);
            if (entry == above) {
                int lowerLinks = lowerLinks(directory, child);
                file.indexed(name, difference(overlay.marks().links(above), above, lowerLinks));
            }
        }
        return file;
    }

    /** Where the content of a copy is that overlayfs has made without it (metacopy=on). */
    private static Inode content(OverlayDirectory directory, Inode copy, String child) throws ErrnoException {
        LowerLayers below = LowerLayers.find(directory, child, directory.overlay().marks().redirect(copy), false);
        if (below.inodes().length == 0 || (below.content().mode() & Stat.S_IFMT) != Stat.S_IFREG) {
            throw Errno.EIO.error("a copy without content, which no lower layer has either");
        }
        return below.content();
    }

    /** The copy of a lower file that has no upper name here, but another one; null if there is none. */
    static OverlayInode indexed(OverlayDirectory directory, LowerLayers below) throws ErrnoException {
        OverlayFileSystem overlay = directory.overlay();
        Inode low = below.inodes()[0];
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
        OverlayInode file = new OverlayInode(overlay, entry, below.inodes(), overlay.origins().lowerNumber(low))
                .withContentOf(overlay.isStored() && overlay.marks().isWithoutData(entry) ? below.content() : null);
        file.indexed(name, difference(overlay.marks().links(entry), entry, low.attributes().links()));
        return LayerLinks.bind(entry, file);
    }

    private static int lowerLinks(OverlayDirectory directory, String child) throws ErrnoException {
        Inode[] below = LowerLayers.find(directory, child, null, false).inodes();
        return below.length > 0 && !Marks.isDirectory(below[0]) ? below[0].attributes().links() : -1;
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
