package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import java.lang.foreign.MemorySegment;

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

    private static final long SECOND_NS = 1_000_000_000L;

    private StatxLayout() {}

    /**
     * Writes the head and clears the rest.
     *
     * @param segment kernel memory of {@link #BYTES} bytes from offset 0 on
     * @param mask {@code stx_mask}
     * @param blockBytes {@code stx_blksize}
     * @param attributes {@code stx_attributes}
     * @param attributesMask {@code stx_attributes_mask}
     * @param mountId {@code stx_mnt_id}
     */
    public static void writeHead(MemorySegment segment, int mask, int blockBytes, long attributes, long attributesMask,
            long mountId) {
        segment.asSlice(0, BYTES).fill((byte) 0);
        segment.set(U32, 0, mask);
        segment.set(U32, 4, blockBytes);
        segment.set(U64, 8, attributes);
        segment.set(U64, 56, attributesMask);
        segment.set(U64, 144, mountId);
    }

    /**
     * Writes what describes the file.
     *
     * @param segment as for {@link #writeHead}
     * @param links {@code stx_nlink}
     * @param uid {@code stx_uid}
     * @param gid {@code stx_gid}
     * @param mode {@code stx_mode}
     * @param inode {@code stx_ino}
     * @param sizeBytes {@code stx_size}
     * @param blocks {@code stx_blocks}
     */
    public static void writeFile(MemorySegment segment, int links, int uid, int gid, int mode, long inode, long sizeBytes,
            long blocks) {
        segment.set(U32, 16, links);
        segment.set(U32, 20, uid);
        segment.set(U32, 24, gid);
        segment.set(U16, 28, (short) mode);
        segment.set(U64, 32, inode);
        segment.set(U64, 40, sizeBytes);
        segment.set(U64, 48, blocks);
    }

    /**
     * Writes device numbers.
     *
     * @param segment as for {@link #writeHead}
     * @param rawMajor {@code stx_rdev_major}
     * @param rawMinor {@code stx_rdev_minor}
     * @param major {@code stx_dev_major}
     * @param minor {@code stx_dev_minor}
     */
    public static void writeDevices(MemorySegment segment, int rawMajor, int rawMinor, int major, int minor) {
        segment.set(U32, 128, rawMajor);
        segment.set(U32, 132, rawMinor);
        segment.set(U32, 136, major);
        segment.set(U32, 140, minor);
    }

    /**
     * Writes times, nanoseconds since the epoch.
     *
     * @param segment as for {@link #writeHead}
     * @param accessNs {@code stx_atime}
     * @param birthNs {@code stx_btime}
     * @param changeNs {@code stx_ctime}
     * @param modifyNs {@code stx_mtime}
     */
    public static void writeTimes(MemorySegment segment, long accessNs, long birthNs, long changeNs, long modifyNs) {
        writeTime(segment, 64, accessNs);
        writeTime(segment, 80, birthNs);
        writeTime(segment, 96, changeNs);
        writeTime(segment, 112, modifyNs);
    }

    private static void writeTime(MemorySegment segment, long at, long timeNs) {
        segment.set(U64, at, Math.floorDiv(timeNs, SECOND_NS));
        segment.set(U32, at + 8, (int) Math.floorMod(timeNs, SECOND_NS));
    }
}
