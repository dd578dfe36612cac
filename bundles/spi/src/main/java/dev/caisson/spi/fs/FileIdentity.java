package dev.caisson.spi.fs;

import dev.caisson.abi.Stat;

/**
 * What tells that a file which one filesystem serves is the one that another filesystem serves: facts about the file behind both. Two
 * filesystems over one directory of a host tell the same.
 *
 * @param type file type bits of {@code st_mode}
 * @param deviceId what the number is unique in: {@code st_dev} of the host's file; 0 where it is not known
 * @param inode {@code st_ino} of the file behind: the real one of a layer, the path of a 9P qid
 * @param sizeBytes {@code st_size}
 * @param modifyNs {@code st_mtime}
 * @param changeNs {@code st_ctime}
 * @param birthNs creation; {@link Long#MIN_VALUE} where it is not known
 */
public record FileIdentity(int type, long deviceId, long inode, long sizeBytes, long modifyNs, long changeNs, long birthNs) {
    /**
     * The identity of a file that tells its own attributes.
     *
     * @param deviceId what the inode number is unique in, or 0
     * @param inode inode number of the file behind
     * @param attributes of the file
     * @return its identity
     */
    public static FileIdentity of(long deviceId, long inode, Attributes attributes) {
        return new FileIdentity(attributes.mode() & Stat.S_IFMT, deviceId, inode, attributes.sizeBytes(), attributes.modifyNs(),
                attributes.changeNs(), attributes.birthNs());
    }

    /**
     * Whether both are of one file, whatever is in it now.
     *
     * @param other another identity, or null
     * @return whether type and number agree, and device and time of birth where both know them
     */
    public boolean isSameFile(FileIdentity other) {
        return other != null && type == other.type && inode == other.inode
                && (deviceId == 0 || other.deviceId == 0 || deviceId == other.deviceId)
                && (birthNs == Long.MIN_VALUE || other.birthNs == Long.MIN_VALUE || birthNs == other.birthNs);
    }

    /**
     * Whether both are of one file in one state: of a regular file, size and time of modification agree as well.
     *
     * @param other another identity, or null
     * @return whether nothing speaks against it
     */
    public boolean isSameState(FileIdentity other) {
        return isSameFile(other) && (type != Stat.S_IFREG || sizeBytes == other.sizeBytes && modifyNs == other.modifyNs);
    }
}
