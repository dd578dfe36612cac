package dev.caisson.oci.spec;

/**
 * A device node in the container.
 *
 * @param path absolute path in the container
 * @param type {@code c}, {@code b} or {@code p}; {@code u} is {@code c}
 * @param major device number
 * @param minor device number
 * @param fileMode permission bits
 * @param uid owner
 * @param gid group
 */
public record OciDevice(String path, char type, int major, int minor, int fileMode, int uid, int gid) {
    private static final int MOST_MAJOR = (1 << 12) - 1;
    private static final int MOST_MINOR = (1 << 20) - 1;
    private static final long MOST_ID = 0xfffffffeL;

    static OciDevice of(SpecNode node) throws OciConfigException {
        String path = node.absolutePath("path");
        String type = node.requireText("type");
        if (!type.matches("[cbup]")) {
            throw node.error("type", "unknown type " + type);
        }
        boolean isPipe = type.equals("p");
        int major = isPipe ? 0 : (int) node.require("major").number(0, MOST_MAJOR);
        int minor = isPipe ? 0 : (int) node.require("minor").number(0, MOST_MINOR);
        Integer mode = node.integer("fileMode", 0, Integer.MAX_VALUE);
        Long uid = node.number("uid", 0, MOST_ID);
        Long gid = node.number("gid", 0, MOST_ID);
        return new OciDevice(path, type.equals("u") ? 'c' : type.charAt(0), major, minor, mode == null ? 0666 : mode & 07777,
                uid == null ? 0 : uid.intValue(), gid == null ? 0 : gid.intValue());
    }
}
