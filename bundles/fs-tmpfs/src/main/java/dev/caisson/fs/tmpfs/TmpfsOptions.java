package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SizeText;
import dev.caisson.spi.fs.MountRequest;
import java.util.Map;

/**
 * Options of a mount.
 *
 * @param maxPages most pages of content; 0 for no limit
 * @param maxInodes most files; 0 for no limit
 * @param mode permission bits of the root directory
 * @param uid owner of the root directory
 * @param gid group of the root directory
 * @param text what /proc/mounts shows
 */
public record TmpfsOptions(long maxPages, long maxInodes, int mode, int uid, int gid, String text) {
    /** No limits, root directory 01777 of root. */
    public static final TmpfsOptions DEFAULT = new TmpfsOptions(0, 0, 01777, 0, 0, "");

    static TmpfsOptions parse(MountRequest request, long memoryBytes) throws ErrnoException {
        // like Linux: half of the memory, when there is a limit to take half of
        long pages = memoryBytes > 0 ? memoryBytes / 2 >>> 12 : 0;
        long inodes = pages;
        int mode = 01777;
        int uid = request.credentials() == null ? 0 : request.credentials().fsuid();
        int gid = request.credentials() == null ? 0 : request.credentials().fsgid();
        StringBuilder text = new StringBuilder();
        for (Map.Entry<String, String> option : request.options().entrySet()) {
            String value = option.getValue();
            switch (option.getKey()) {
                case "size" -> {
                    pages = sizeToPages(value, memoryBytes);
                    append(text, "size=" + (pages << 2) + "k");
                }
                case "nr_blocks" -> {
                    pages = SizeText.parse(value, 0, Long.MAX_VALUE);
                    append(text, "size=" + (pages << 2) + "k");
                }
                case "nr_inodes" -> {
                    inodes = SizeText.parse(value, 0, Long.MAX_VALUE);
                    append(text, "nr_inodes=" + inodes);
                }
                case "mode" -> {
                    mode = (int) parse(value, 8) & 07777;
                    if (mode != 01777) {
                        append(text, "mode=" + Integer.toOctalString(mode));
                    }
                }
                case "uid" -> {
                    uid = (int) parse(value, 10);
                    append(text, "uid=" + Integer.toUnsignedString(uid));
                }
                case "gid" -> {
                    gid = (int) parse(value, 10);
                    append(text, "gid=" + Integer.toUnsignedString(gid));
                }
                case "huge", "mpol", "inode32", "inode64", "noswap" -> append(text, option.getKey() + (value == null ? "" : "=" + value));
                case "rw", "ro", "nosuid", "nodev", "noexec", "relatime", "noatime", "strictatime" -> {}
                default -> throw EINVAL.error("tmpfs: unknown option " + option.getKey());
            }
        }
        return new TmpfsOptions(pages, inodes, mode, uid, gid, text.toString());
    }

    private static void append(StringBuilder text, String option) {
        if (!text.isEmpty()) {
            text.append(',');
        }
        text.append(option);
    }

    private static long sizeToPages(String value, long memoryBytes) throws ErrnoException {
        if (value != null && value.endsWith("%")) {
            long percent = parse(value.substring(0, value.length() - 1), 10);
            return memoryBytes * percent / 100 + 4095 >>> 12;
        }
        long bytes = SizeText.parse(value, 0, Long.MAX_VALUE);
        return bytes + 4095 >>> 12;
    }

    private static long parse(String value, int radix) throws ErrnoException {
        try {
            return Long.parseUnsignedLong(value, radix);
        } catch (NumberFormatException e) {
            throw EINVAL.error();
        }
    }
}
