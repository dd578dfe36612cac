package dev.caisson.fs.tar;

import java.util.Map;

/**
 * A file as an archive describes it. Strings hold one byte per character.
 *
 * @param name path as it is written there
 * @param mode type and permission bits; type 0 for a hard link
 * @param uid owner
 * @param gid group
 * @param sizeBytes size of a regular file
 * @param dataOffset where its data start in the archive
 * @param extents which parts of it are data; null for all
 * @param modifyNs last modification, nanoseconds since the epoch
 * @param accessNs last access
 * @param changeNs last change of attributes
 * @param link target of a symbolic or hard link, else empty
 * @param rawDevice number of a device node
 * @param xattrs extended attributes by name, but those of overlays
 */
record TarEntry(String name, int mode, int uid, int gid, long sizeBytes, long dataOffset, Extents extents, long modifyNs, long accessNs,
        long changeNs, String link, long rawDevice, Map<String, byte[]> xattrs) {
    /** {@return the same without its path, which the tree holds: that of a large archive is many megabytes} */
    TarEntry withoutName() {
        return new TarEntry("", mode, uid, gid, sizeBytes, dataOffset, extents, modifyNs, accessNs, changeNs, link, rawDevice, xattrs);
    }
}
