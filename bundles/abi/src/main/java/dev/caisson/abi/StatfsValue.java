package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct statfs} on amd64: 120 bytes.
 * <pre>
 *  off size field
 *    0    8 f_type
 *    8    8 f_bsize
 *   16    8 f_blocks
 *   24    8 f_bfree
 *   32    8 f_bavail
 *   40    8 f_files
 *   48    8 f_ffree
 *   56    8 f_fsid     two ints
 *   64    8 f_namelen
 *   72    8 f_frsize
 *   80    8 f_flags    ST_*
 *   88   32 spare
 * </pre>
 * Source: include/uapi/asm-generic/statfs.h.
 *
 * @param type magic number
 * @param blockBytes {@code f_bsize} and {@code f_frsize}
 * @param blocks all blocks
 * @param freeBlocks free blocks
 * @param availableBlocks free blocks for users
 * @param files all inodes
 * @param freeFiles free inodes
 * @param id {@code f_fsid}
 * @param nameBytes longest name
 * @param flags {@code ST_*}
 */
public record StatfsValue(long type, long blockBytes, long blocks, long freeBlocks, long availableBlocks, long files,
        long freeFiles, long id, long nameBytes, long flags) {
    public static final int ST_RDONLY = 1;
    public static final int ST_NOSUID = 2;
    public static final int ST_NODEV = 4;
    public static final int ST_NOEXEC = 8;
    public static final int ST_SYNCHRONOUS = 0x10;
    /** {@code f_flags} is filled in. */
    public static final int ST_VALID = 0x20;
    public static final int ST_MANDLOCK = 0x40;
    public static final int ST_NOATIME = 0x400;
    public static final int ST_NODIRATIME = 0x800;
    public static final int ST_RELATIME = 0x1000;
    public static final int ST_NOSYMFOLLOW = 0x2000;

    /** Reads and writes the structure. */
    public static final StructCodec<StatfsValue> CODEC = StructCodec.of(120,
            (seg, at) -> new StatfsValue(seg.get(U64, at), seg.get(U64, at + 8), seg.get(U64, at + 16), seg.get(U64, at + 24),
                    seg.get(U64, at + 32), seg.get(U64, at + 40), seg.get(U64, at + 48), seg.get(U64, at + 56), seg.get(U64, at + 64),
                    seg.get(U64, at + 80)),
            (seg, at, v) -> {
                seg.set(U64, at, v.type);
                seg.set(U64, at + 8, v.blockBytes);
                seg.set(U64, at + 16, v.blocks);
                seg.set(U64, at + 24, v.freeBlocks);
                seg.set(U64, at + 32, v.availableBlocks);
                seg.set(U64, at + 40, v.files);
                seg.set(U64, at + 48, v.freeFiles);
                seg.set(U64, at + 56, v.id);
                seg.set(U64, at + 64, v.nameBytes);
                seg.set(U64, at + 72, v.blockBytes);
                seg.set(U64, at + 80, v.flags);
            });

    /**
     * {@code struct ustat}, which ustat(2) fills: 32 bytes.
     * <pre>
     *  off size field
     *    0    4 f_tfree   free blocks
     *    8    8 f_tinode  free inodes
     *   16   16 f_fname, f_fpack, padding
     * </pre>
     */
    public static final StructCodec<StatfsValue> USTAT = StructCodec.of(32, (seg, at) -> {
        throw new UnsupportedOperationException("ustat is only written");
    }, (seg, at, v) -> {
        seg.set(U32, at, (int) v.freeBlocks);
        seg.set(U64, at + 8, v.freeFiles);
    });
}
