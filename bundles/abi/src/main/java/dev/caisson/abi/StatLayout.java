package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import java.lang.foreign.MemorySegment;

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
 * A writer of single values rather than a codec, since stat(2) is called very often. Source: arch/x86/include/uapi/asm/stat.h.
 */
public final class StatLayout {
    /** Size in bytes. */
    public static final int BYTES = 144;

    private static final long SECOND_NS = 1_000_000_000L;

    private StatLayout() {}

    /**
     * Writes what identifies and describes a file; the times come with {@link #writeTimes}.
     *
     * @param segment kernel memory of {@link #BYTES} bytes from offset 0 on
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
    public static void writeFile(MemorySegment segment, long device, long inode, int links, int mode, int uid, int gid,
            long rawDevice, long sizeBytes, int blockBytes, long blocks) {
        segment.set(U64, 0, device);
        segment.set(U64, 8, inode);
        segment.set(U64, 16, Integer.toUnsignedLong(links));
        segment.set(U32, 24, mode);
        segment.set(U32, 28, uid);
        segment.set(U32, 32, gid);
        segment.set(U32, 36, 0);
        segment.set(U64, 40, rawDevice);
        segment.set(U64, 48, sizeBytes);
        segment.set(U64, 56, blockBytes);
        segment.set(U64, 64, blocks);
    }

    /**
     * Writes the times and clears the rest.
     *
     * @param segment as for {@link #writeFile}
     * @param accessNs {@code st_atim}, nanoseconds since the epoch
     * @param modifyNs {@code st_mtim}
     * @param changeNs {@code st_ctim}
     */
    public static void writeTimes(MemorySegment segment, long accessNs, long modifyNs, long changeNs) {
        writeTime(segment, 72, accessNs);
        writeTime(segment, 88, modifyNs);
        writeTime(segment, 104, changeNs);
        segment.set(U64, 120, 0);
        segment.set(U64, 128, 0);
        segment.set(U64, 136, 0);
    }

    private static void writeTime(MemorySegment segment, long at, long timeNs) {
        segment.set(U64, at, Math.floorDiv(timeNs, SECOND_NS));
        segment.set(U64, at + 8, Math.floorMod(timeNs, SECOND_NS));
    }
}
