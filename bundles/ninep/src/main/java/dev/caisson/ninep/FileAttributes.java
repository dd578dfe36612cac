package dev.caisson.ninep;

/**
 * Attributes of a file, as Rgetattr has them; 145 bytes on the wire:
 * <pre>
 * qid[13] mode[4] uid[4] gid[4] nlink[8] rdev[8] size[8] blksize[8] blocks[8]
 * atime_sec[8] atime_nsec[8] mtime_sec[8] mtime_nsec[8] ctime_sec[8] ctime_nsec[8] btime_sec[8] btime_nsec[8] gen[8] data_version[8]
 * </pre>
 *
 * @param qid type and identity
 * @param mode {@code st_mode}
 * @param uid owner
 * @param gid group
 * @param links {@code st_nlink}
 * @param rawDevice {@code st_rdev} in the encoding of makedev(3)
 * @param sizeBytes {@code st_size}
 * @param blockBytes {@code st_blksize}
 * @param blocks {@code st_blocks}, units of 512 bytes
 * @param accessNs last access, nanoseconds since the epoch
 * @param modifyNs last modification
 * @param changeNs last change of attributes
 * @param birthNs creation; {@link Long#MIN_VALUE} where {@link #BIRTH_TIME} is not valid
 */
public record FileAttributes(Qid qid, int mode, int uid, int gid, long links, long rawDevice, long sizeBytes, long blockBytes, long blocks,
        long accessNs, long modifyNs, long changeNs, long birthNs) {
    /** Everything that stat(2) tells: the mask of Tgetattr (P9_STATS_BASIC). */
    public static final long BASIC = 0x7ff;
    /** The time of creation as well. */
    public static final long BIRTH_TIME = 0x800;
    /** Bytes on the wire. */
    public static final int BYTES = 145;

    private static final long BILLION = 1_000_000_000L;

    /**
     * Reads a block of attributes.
     *
     * @param in the message
     * @param valid mask of what the server filled in; the birth time counts only with its bit, and 0 stands for not known
     * @return the attributes
     */
    public static FileAttributes read(WireReader in, long valid) {
        Qid qid = Qid.read(in);
        int mode = in.u32();
        int uid = in.u32();
        int gid = in.u32();
        long links = in.u64();
        long device = in.u64();
        long size = in.u64();
        long blockBytes = in.u64();
        long blocks = in.u64();
        long access = time(in);
        long modify = time(in);
        long change = time(in);
        long birth = time(in);
        in.u64(); // gen
        in.u64(); // data_version
        return new FileAttributes(qid, mode, uid, gid, links, device, size, blockBytes, blocks, access, modify, change,
                (valid & BIRTH_TIME) != 0 && birth != 0 ? birth : Long.MIN_VALUE);
    }

    /**
     * Writes a block of attributes.
     *
     * @param out the message
     */
    public void write(WireWriter out) {
        qid.write(out);
        out.u32(mode).u32(uid).u32(gid).u64(links).u64(rawDevice).u64(sizeBytes).u64(blockBytes).u64(blocks);
        time(out, accessNs);
        time(out, modifyNs);
        time(out, changeNs);
        time(out, birthNs == Long.MIN_VALUE ? 0 : birthNs);
        out.u64(0).u64(0);
    }

    /** {@return the mask of what is filled in} */
    public long valid() {
        return birthNs == Long.MIN_VALUE ? BASIC : BASIC | BIRTH_TIME;
    }

    private static long time(WireReader in) {
        long seconds = in.u64();
        long nanos = in.u64();
        return seconds * BILLION + Math.floorMod(nanos, BILLION); // a lie wraps around and harms nobody
    }

    private static void time(WireWriter out, long ns) {
        out.u64(Math.floorDiv(ns, BILLION)).u64(Math.floorMod(ns, BILLION));
    }
}
