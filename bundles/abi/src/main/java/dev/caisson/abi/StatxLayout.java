package dev.caisson.abi;

import java.util.Arrays;

/**
 * {@code struct statx}: 256 bytes.
 * <pre>
 *  off size field
 *    0    4 stx_mask
 *    4    4 stx_blksize
 *    8    8 stx_attributes
 *   16    4 stx_nlink
 *   20    4 stx_uid
 *   24    4 stx_gid
 *   28    2 stx_mode
 *   32    8 stx_ino
 *   40    8 stx_size
 *   48    8 stx_blocks
 *   56    8 stx_attributes_mask
 *   64   16 stx_atime   s64 seconds, u32 nanoseconds, padding
 *   80   16 stx_btime
 *   96   16 stx_ctime
 *  112   16 stx_mtime
 *  128    4 stx_rdev_major
 *  132    4 stx_rdev_minor
 *  136    4 stx_dev_major
 *  140    4 stx_dev_minor
 *  144    8 stx_mnt_id
 *  152  104 not used here, zero
 * </pre>
 * Source: include/uapi/linux/stat.h.
 */
public final class StatxLayout {
    /** Size in bytes. */
    public static final int BYTES = 256;
    /** Size in words of 8 bytes. */
    public static final int WORDS = BYTES / 8;

    private static final long SECOND_NS = 1_000_000_000L;

    private StatxLayout() {}

    /**
     * Writes the head and clears the rest.
     *
     * @param words the structure as little-endian words, {@link #WORDS} of them from index 0 on
     * @param mask {@code stx_mask}
     * @param blockBytes {@code stx_blksize}
     * @param attributes {@code stx_attributes}
     * @param attributesMask {@code stx_attributes_mask}
     * @param mountId {@code stx_mnt_id}
     */
    public static void writeHead(long[] words, int mask, int blockBytes, long attributes, long attributesMask, long mountId) {
        Arrays.fill(words, 0, WORDS, 0);
        words[0] = pair(mask, blockBytes);
        words[1] = attributes;
        words[7] = attributesMask;
        words[18] = mountId;
    }

    /**
     * Writes what describes the file.
     *
     * @param words as for {@link #writeHead}
     * @param links {@code stx_nlink}
     * @param uid {@code stx_uid}
     * @param gid {@code stx_gid}
     * @param mode {@code stx_mode}
     * @param inode {@code stx_ino}
     * @param sizeBytes {@code stx_size}
     * @param blocks {@code stx_blocks}
     */
    public static void writeFile(long[] words, int links, int uid, int gid, int mode, long inode, long sizeBytes, long blocks) {
        words[2] = pair(links, uid);
        words[3] = pair(gid, mode & 0xffff);
        words[4] = inode;
        words[5] = sizeBytes;
        words[6] = blocks;
    }

    /**
     * Writes device numbers.
     *
     * @param words as for {@link #writeHead}
     * @param rawMajor {@code stx_rdev_major}
     * @param rawMinor {@code stx_rdev_minor}
     * @param major {@code stx_dev_major}
     * @param minor {@code stx_dev_minor}
     */
    public static void writeDevices(long[] words, int rawMajor, int rawMinor, int major, int minor) {
        words[16] = pair(rawMajor, rawMinor);
        words[17] = pair(major, minor);
    }

    /**
     * Writes times, nanoseconds since the epoch.
     *
     * @param words as for {@link #writeHead}
     * @param accessNs {@code stx_atime}
     * @param birthNs {@code stx_btime}
     * @param changeNs {@code stx_ctime}
     * @param modifyNs {@code stx_mtime}
     */
    public static void writeTimes(long[] words, long accessNs, long birthNs, long changeNs, long modifyNs) {
        writeTime(words, 8, accessNs);
        writeTime(words, 10, birthNs);
        writeTime(words, 12, changeNs);
        writeTime(words, 14, modifyNs);
    }

    private static void writeTime(long[] words, int at, long timeNs) {
        long seconds = Math.floorDiv(timeNs, SECOND_NS);
        words[at] = seconds;
        words[at + 1] = timeNs - seconds * SECOND_NS;
    }

    private static long pair(int low, int high) {
        return Integer.toUnsignedLong(low) | (long) high << 32;
    }
}
