package dev.caisson.ninep;

/**
 * What Tsetattr changes: {@code valid[4] mode[4] uid[4] gid[4] size[8] atime_sec[8] atime_nsec[8] mtime_sec[8] mtime_nsec[8]}.
 *
 * @param valid mask of the constants: which fields count
 * @param mode permission bits
 * @param uid owner
 * @param gid group
 * @param sizeBytes size
 * @param accessNs access time, nanoseconds since the epoch
 * @param modifyNs modification time
 */
public record AttributeUpdate(int valid, int mode, int uid, int gid, long sizeBytes, long accessNs, long modifyNs) {
    /** The mode counts. */
    public static final int MODE = 1;
    /** The owner counts. */
    public static final int UID = 2;
    /** The group counts. */
    public static final int GID = 4;
    /** The size counts. */
    public static final int SIZE = 8;
    /** The access time is set; to the server's time unless {@link #ACCESS_TIME_SET}. */
    public static final int ACCESS_TIME = 0x10;
    /** The modification time is set; to the server's time unless {@link #MODIFY_TIME_SET}. */
    public static final int MODIFY_TIME = 0x20;
    /** The change time is set to the server's time. */
    public static final int CHANGE_TIME = 0x40;
    /** The access time is the one given. */
    public static final int ACCESS_TIME_SET = 0x80;
    /** The modification time is the one given. */
    public static final int MODIFY_TIME_SET = 0x100;

    private static final long BILLION = 1_000_000_000L;

    /**
     * Reads it.
     *
     * @param in the message
     * @return the update
     */
    public static AttributeUpdate read(WireReader in) {
        return new AttributeUpdate(in.u32(), in.u32(), in.u32(), in.u32(), in.u64(), in.u64() * BILLION + Math.floorMod(in.u64(), BILLION),
                in.u64() * BILLION + Math.floorMod(in.u64(), BILLION));
    }

    /**
     * Writes it.
     *
     * @param out the message
     */
    public void write(WireWriter out) {
        out.u32(valid).u32(mode).u32(uid).u32(gid).u64(sizeBytes).u64(Math.floorDiv(accessNs, BILLION))
                .u64(Math.floorMod(accessNs, BILLION)).u64(Math.floorDiv(modifyNs, BILLION)).u64(Math.floorMod(modifyNs, BILLION));
    }

    /**
     * Whether a field counts.
     *
     * @param field one of the constants
     * @return whether it does
     */
    public boolean has(int field) {
        return (valid & field) != 0;
    }
}
