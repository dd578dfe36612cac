package dev.caisson.abi;

/**
 * {@code struct stat} on amd64: 144 bytes.
 * <pre>
 *  off size field
 *    0    8 st_dev
 *    8    8 st_ino
 *   16    8 st_nlink
 *   24    4 st_mode
 *   28    4 st_uid
 *   32    4 st_gid
 *   36    4 padding
 *   40    8 st_rdev
 *   48    8 st_size
 *   56    8 st_blksize
 *   64    8 st_blocks   units of 512 bytes
 *   72   16 st_atim
 *   88   16 st_mtim
 *  104   16 st_ctim
 *  120   24 unused
 * </pre>
 * A writer of single values into an array rather than a codec, since stat(2) is called very often, and most in the first moments of a
 * program. Source: arch/x86/include/uapi/asm/stat.h.
 */
public final class StatLayout {
    /** Size in bytes. */
    public static final int BYTES = 144;
    /** Size in words of 8 bytes. */
    public static final int WORDS = BYTES / 8;

    private static final long SECOND_NS = 1_000_000_000L;

    private StatLayout() {}

    /**
     * Writes what identifies and describes a file; the times come with {@link #writeTimes}.
     *
     * @param words the structure as little-endian words, {@link #WORDS} of them from index 0 on
     * @param device {@code st_dev}
     * @param inode {@code st_ino}
     * @param links {@code st_nlink}
     * @param mode {@code st_mode}
     * @param uid {@code st_uid}
     * @param gid {@code st_gid}
     * @param rawDevice {@code st_rdev}
     * @param sizeBytes {@code st_size}
     * @param blockBytes {@code st_blksize}
     * @param blocks {@code st_blocks}
     */
    public static void writeFile(long[] words, long device, long inode, int links, int mode, int uid, int gid, long rawDevice,
            long sizeBytes, int blockBytes, long blocks) {
        words[0] = device;
        words[1] = inode;
        words[2] = Integer.toUnsignedLong(links);
        words[3] = Integer.toUnsignedLong(mode) | (long) uid << 32;
        words[4] = Integer.toUnsignedLong(gid);
        words[5] = rawDevice;
        words[6] = sizeBytes;
        words[7] = blockBytes;
        words[8] = blocks;
    }

    /**
     * Writes the times and clears the rest.
     *
     * @param words as for {@link #writeFile}
     * @param accessNs {@code st_atim}, nanoseconds since the epoch
     * @param modifyNs {@code st_mtim}
     * @param changeNs {@code st_ctim}
     */
    public static void writeTimes(long[] words, long accessNs, long modifyNs, long changeNs) {
        writeTime(words, 9, accessNs);
        writeTime(words, 11, modifyNs);
        writeTime(words, 13, changeNs);
        words[15] = 0;
        words[16] = 0;
        words[17] = 0;
    }

    private static void writeTime(long[] words, int at, long timeNs) {
        long seconds = Math.floorDiv(timeNs, SECOND_NS);
        words[at] = seconds;
        words[at + 1] = timeNs - seconds * SECOND_NS;
    }
}
