package dev.caisson.spi.fs;

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
}
