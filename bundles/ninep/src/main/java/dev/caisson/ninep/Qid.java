package dev.caisson.ninep;

/**
 * What a server calls a file: {@code type[1] version[4] path[8]}.
 *
 * @param type {@link #DIRECTORY}, {@link #SYMLINK} or {@link #FILE}
 * @param version changes with the content, where the server counts
 * @param path unlike that of every other file of the tree; servers use the inode number
 */
public record Qid(int type, int version, long path) {
    /** A directory. */
    public static final int DIRECTORY = 0x80;
    /** A symbolic link. */
    public static final int SYMLINK = 0x02;
    /**
     * A bit of the type, of a file that is no directory (QTAPPEND of Plan 9): in the extension's attributes, the host may refuse to remove
     * it, for it is immutable, append-only or a mount point.
     */
    public static final int HELD = 0x40;
    /** Anything else. */
    public static final int FILE = 0;
    /** Bytes on the wire. */
    public static final int BYTES = 13;

    /**
     * Reads one.
     *
     * @param in the message
     * @return the id
     */
    public static Qid read(WireReader in) {
        return new Qid(in.u8(), in.u32(), in.u64());
    }

    /**
     * Writes it.
     *
     * @param out the message
     */
    public void write(WireWriter out) {
        out.u8(type).u32(version).u64(path);
    }

    /**
     * The type for a mode.
     *
     * @param mode {@code st_mode}
     * @return {@link #DIRECTORY}, {@link #SYMLINK} or {@link #FILE}
     */
    public static int typeOf(int mode) {
        return switch (mode & 0xf000) {
            case 0x4000 -> DIRECTORY;
            case 0xa000 -> SYMLINK;
            default -> FILE;
        };
    }
}
