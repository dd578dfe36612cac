package dev.caisson.spi.fs;

/**
 * What stat(2) and statx(2) tell of a file.
 *
 * @param deviceId {@code st_dev} in the kernel's encoding (see {@link DeviceNumbers})
 * @param inode {@code st_ino}
 * @param mode {@code st_mode}: type and permission bits
 * @param links {@code st_nlink}
 * @param uid owner
 * @param gid group
 * @param rawDevice {@code st_rdev}
 * @param sizeBytes {@code st_size}
 * @param blockBytes {@code st_blksize}
 * @param blocks {@code st_blocks}, units of 512 bytes
 * @param accessNs last access, nanoseconds since the epoch
 * @param modifyNs last modification of the content
 * @param changeNs last change of the attributes
 * @param birthNs creation, or {@link Long#MIN_VALUE} where it is not known
 */
public record Attributes(long deviceId, long inode, int mode, int links, int uid, int gid, long rawDevice, long sizeBytes,
        int blockBytes, long blocks, long accessNs, long modifyNs, long changeNs, long birthNs) {
    /**
     * The same of a file that has lost its last name.
     *
     * @param newSizeBytes its size now
     * @return attributes without links
     */
    public Attributes unlinked(long newSizeBytes) {
        return new Attributes(deviceId, inode, mode, 0, uid, gid, rawDevice, newSizeBytes, blockBytes, blocks, accessNs, modifyNs, changeNs,
                birthNs);
    }
}
