package dev.caisson.ninep;

/** Numbers of the protocol that belong to no single message. */
public final class Protocol {
    /** The public protocol. */
    public static final String VERSION = "9P2000.L";
    /** The public protocol with Caisson's extension. */
    public static final String EXTENDED_VERSION = "9P2000.L.caisson";
    /** The answer to a version that is not spoken. */
    public static final String UNKNOWN_VERSION = "unknown";

    /** A tag for Tversion. */
    public static final int NO_TAG = 0xffff;
    /** A fid that is none. */
    public static final int NO_FID = -1;
    /** A user id that is none: the user's name counts. */
    public static final int NO_UID = -1;

    /** {@code size[4] type[1] tag[2]}. */
    public static final int HEADER_BYTES = 7;
    /** The smallest message size that a version may agree on. */
    public static final int LEAST_MESSAGE_BYTES = 4096;
    /** The largest one. */
    public static final int MOST_MESSAGE_BYTES = 1 << 20;
    /** What a message with data has besides the data, with room to spare; as Linux's client counts (P9_IOHDRSZ). */
    public static final int IO_HEADER_BYTES = 24;
    /** Most names of one walk. */
    public static final int MOST_NAMES = 16;
    /** Longest name in a directory. */
    public static final int NAME_BYTES = 255;
    /** Longest target of a symbolic link. */
    public static final int LINK_BYTES = 4095;
    /** Longest value of an extended attribute. */
    public static final int XATTR_BYTES = 64 << 10;

    /** Tunlinkat's flag: the name is a directory. */
    public static final int AT_REMOVEDIR = 0x200;

    /** Tlock's types. */
    public static final int LOCK_READ = 0;
    public static final int LOCK_WRITE = 1;
    public static final int LOCK_UNLOCK = 2;
    /** Tlock's flags: whether the server may wait. */
    public static final int LOCK_BLOCK = 1;
    public static final int LOCK_RECLAIM = 2;
    /** Rlock's answers. */
    public static final int LOCK_SUCCESS = 0;
    public static final int LOCK_BLOCKED = 1;
    public static final int LOCK_ERROR = 2;
    public static final int LOCK_GRACE = 3;

    /** Processors that a tag can tell. */
    private static final int MOST_PROCESSORS = 254;

    private Protocol() {}

    /**
     * A tag of the extension, whose upper half tells from which processor of the host a request comes.
     *
     * @param number tells requests apart, below 256
     * @param processor its number on the host
     * @return the tag
     */
    public static int tag(int number, int processor) {
        return processor < 0 || processor >= MOST_PROCESSORS ? number : processor + 1 << 8 | number;
    }

    /**
     * The processor that a tag of the extension tells.
     *
     * @param tag of a request
     * @return its number on the host, or -1 when it is not told
     */
    public static int processor(int tag) {
        return (tag >>> 8) - 1;
    }
}
