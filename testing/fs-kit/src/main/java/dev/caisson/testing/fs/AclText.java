package dev.caisson.testing.fs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * POSIX ACLs as the extended attributes {@code system.posix_acl_access} and {@code system.posix_acl_default} hold them:
 * <pre>
 *  off size field
 *    0    4 version, 2
 *    4    8 each: u16 tag, u16 permissions, u32 id
 * </pre>
 * Source: include/uapi/linux/posix_acl_xattr.h, posix_acl.h.
 */
final class AclText {
    private static final int VERSION = 2;
    private static final int NO_ID = -1;

    private AclText() {}

    /** From {@code u::rwx,u:1000:r--,g::r-x,g:2000:rw-,m::rwx,o::---}, in this order. */
    static String encode(String text) {
        String[] entries = text.split(",");
        ByteBuffer bytes = ByteBuffer.allocate(4 + 8 * entries.length).order(ByteOrder.LITTLE_ENDIAN).putInt(VERSION);
        for (String entry : entries) {
            String[] parts = entry.split(":");
            boolean named = !parts[1].isEmpty();
            int tag = switch (parts[0]) {
                case "u" -> named ? 0x02 : 0x01;
                case "g" -> named ? 0x08 : 0x04;
                case "m" -> 0x10;
                default -> 0x20;
            };
            int permissions = (parts[2].contains("r") ? 4 : 0) | (parts[2].contains("w") ? 2 : 0) | (parts[2].contains("x") ? 1 : 0);
            bytes.putShort((short) tag).putShort((short) permissions).putInt(named ? Integer.parseInt(parts[1]) : NO_ID);
        }
        return new String(bytes.array(), StandardCharsets.ISO_8859_1);
    }

    /** The other way round; anything else is returned as it is. */
    static String decode(String value) {
        ByteBuffer bytes = ByteBuffer.wrap(value.getBytes(StandardCharsets.ISO_8859_1)).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.remaining() < 4 || bytes.getInt() != VERSION) {
            return value;
        }
        StringBuilder text = new StringBuilder();
        while (bytes.remaining() >= 8) {
            int tag = bytes.getShort();
            int permissions = bytes.getShort();
            int id = bytes.getInt();
            text.append(text.isEmpty() ? "" : ",").append(tag <= 2 ? "u:" : tag <= 8 ? "g:" : tag == 16 ? "m:" : "o:")
                    .append(tag == 2 || tag == 8 ? Integer.toString(id) : "").append(':')
                    .append((permissions & 4) != 0 ? "r" : "-").append((permissions & 2) != 0 ? "w" : "-")
                    .append((permissions & 1) != 0 ? "x" : "-");
        }
        return text.toString();
    }
}
