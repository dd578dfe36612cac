package dev.caisson.spi.fs;

import dev.caisson.abi.Stat;

/**
 * A change of attributes, already checked for permission. Only the fields named in {@code fields} count.
 *
 * @param fields mask of the constants of this class
 * @param mode new permission bits (07777)
 * @param uid new owner
 * @param gid new group
 * @param sizeBytes new size; growing leaves a hole
 * @param accessNs new access time
 * @param modifyNs new modification time
 * @param changeNs the current time, for {@code ctime}; always set
 */
public record AttributeChange(int fields, int mode, int uid, int gid, long sizeBytes, long accessNs, long modifyNs,
        long changeNs) {
    /** The mode counts. */
    public static final int MODE = 1;
    /** The owner counts. */
    public static final int UID = 2;
    /** The group counts. */
    public static final int GID = 4;
    /** The size counts. */
    public static final int SIZE = 8;
    /** The access time counts. */
    public static final int ACCESS_TIME = 16;
    /** The modification time counts. */
    public static final int MODIFY_TIME = 32;

    /**
     * Whether a field counts.
     *
     * @param field one of the constants
     * @return whether it does
     */
    public boolean has(int field) {
        return (fields & field) != 0;
    }

    /**
     * The mode after the change.
     *
     * @param old type and permissions
     * @return the same type, with the new permissions if they count
     */
    public int modeAfter(int old) {
        return has(MODE) ? old & Stat.S_IFMT | mode & 07777 : old;
    }

    /**
     * The owner after the change.
     *
     * @param old user
     * @return the new one if it counts
     */
    public int uidAfter(int old) {
        return has(UID) ? uid : old;
    }

    /**
     * The group after the change.
     *
     * @param old group
     * @return the new one if it counts
     */
    public int gidAfter(int old) {
        return has(GID) ? gid : old;
    }

    /**
     * The access time after the change.
     *
     * @param old nanoseconds
     * @return the new one if it counts
     */
    public long accessAfter(long old) {
        return has(ACCESS_TIME) ? accessNs : old;
    }

    /**
     * The modification time after the change.
     *
     * @param old nanoseconds
     * @return the new one if it counts
     */
    public long modifyAfter(long old) {
        return has(MODIFY_TIME) ? modifyNs : old;
    }
}
