package dev.caisson.fs.overlay;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;

/** The marks of overlayfs in a layer: whiteouts (character device 0/0) and opaque directories (an extended attribute). */
final class Marks {
    /** Attributes with this prefix belong to the overlay and are hidden. */
    static final String PRIVATE_PREFIX = "trusted.overlay.";

    private static final String OPAQUE = PRIVATE_PREFIX + "opaque";
    private static final NewNode WHITEOUT = new NewNode(Stat.S_IFCHR, 0, 0, 0);

    private Marks() {}

    static boolean isDirectory(Inode inode) {
        return (inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    static boolean isWhiteout(Inode inode) throws ErrnoException {
        return (inode.mode() & Stat.S_IFMT) == Stat.S_IFCHR && inode.attributes().rawDevice() == 0;
    }

    static void makeWhiteout(Inode directory, String name) throws ErrnoException {
        directory.create(name, WHITEOUT);
    }

    static boolean isOpaque(Inode directory) throws ErrnoException {
        try {
            byte[] value = directory.getXattr(OPAQUE);
            return value.length == 1 && value[0] == 'y';
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENODATA || e.errno() == Errno.EOPNOTSUPP || e.errno() == Errno.EPERM) {
                return false;
            }
            throw e;
        }
    }

    static void makeOpaque(Inode directory) throws ErrnoException {
        directory.setXattr(OPAQUE, new byte[] {'y'}, 0);
    }
}
