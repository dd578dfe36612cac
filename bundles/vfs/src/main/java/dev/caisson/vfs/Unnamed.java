package dev.caisson.vfs;

import dev.caisson.spi.fs.Inode;

/** Marks a file of O_TMPFILE: whether linkat(2) may name it. */
final class Unnamed {
    private final boolean linkable;

    private Unnamed(boolean linkable) {
        this.linkable = linkable;
    }

    static void mark(Inode inode, boolean linkable) {
        inode.attachment(Unnamed.class, () -> new Unnamed(linkable));
    }

    /** Whether a file without links may get one. */
    static boolean isLinkable(Inode inode) {
        Unnamed mark = inode.attachment(Unnamed.class, null);
        return mark != null && mark.linkable;
    }
}
