package dev.caisson.spi.fs;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * An access control list, acl(5), as the extended attributes {@link #ACCESS} and {@link #DEFAULT} hold it (linux/posix_acl_xattr.h), all
 * little-endian:
 * <pre>
 * version[4] = 2, then entries of tag[2] perm[2] id[4], in the order of the tags and of the ids
 * </pre>
 * Immutable.
 */
public final class PosixAcl {
    /** The attribute of a file. */
    public static final String ACCESS = "system.posix_acl_access";
    /** The attribute of a directory that new files in it start with. */
    public static final String DEFAULT = "system.posix_acl_default";

    private static final int VERSION = 2, HEADER_BYTES = 4, ENTRY_BYTES = 8;
    private static final int USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32;
    private static final int NO_ID = -1;

    private record Entry(int tag, int permissions, int id) {}

    private final List<Entry> entries;

    private PosixAcl(List<Entry> entries) {
        this.entries = entries;
    }

    /**
     * Whether an attribute holds such a list.
     *
     * @param attribute its name
     * @return whether it does
     */
    public static boolean isAttribute(String attribute) {
        return attribute.equals(ACCESS) || attribute.equals(DEFAULT);
    }

    /**
     * Reads a value, as posix_acl_from_xattr and posix_acl_valid do.
     *
     * @param value of the attribute
     * @return the list; null for an empty one, which stands for none
     * @throws ErrnoException EINVAL, EOPNOTSUPP for another version
     */
    public static PosixAcl parse(byte[] value) throws ErrnoException {
        if (value.length == 0) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        if (value.length < HEADER_BYTES) {
            throw EINVAL.error("no access control list");
        }
        if (in.getInt() != VERSION) {
            throw EOPNOTSUPP.error("an access control list of another version");
        }
        if (in.remaining() % ENTRY_BYTES != 0) {
            throw EINVAL.error("no access control list");
        }
        if (!in.hasRemaining()) {
            return null;
        }
        List<Entry> entries = new ArrayList<>();
        while (in.hasRemaining()) {
            int tag = in.getShort() & 0xffff;
            int permissions = in.getShort() & 0xffff;
            int id = in.getInt();
            entries.add(new Entry(tag, permissions, tag == USER || tag == GROUP ? id : NO_ID));
        }
        check(entries);
        return new PosixAcl(entries);
    }

    /** Tags in their order, each once but for named users and groups, of which each id comes once; a mask where one of these is. */
    private static void check(List<Entry> entries) throws ErrnoException {
        int seen = 0;
        Entry last = null;
        for (Entry entry : entries) {
            boolean isKnown = Integer.bitCount(entry.tag) == 1 && entry.tag <= OTHER;
            boolean isNamed = entry.tag == USER || entry.tag == GROUP;
            if (!isKnown || (entry.permissions & ~7) != 0 || isNamed && entry.id == NO_ID) {
                throw EINVAL.error("no entry of an access control list");
            }
            if (last != null && (entry.tag < last.tag || entry.tag == last.tag && !isNamed)) {
                throw EINVAL.error("an access control list out of order");
            }
            seen |= entry.tag;
            last = entry;
        }
        int needed = USER_OBJ | GROUP_OBJ | OTHER | ((seen & (USER | GROUP)) != 0 ? MASK : 0);
        if ((seen & needed) != needed) {
            throw EINVAL.error("an access control list without what each must have");
        }
    }

    /** {@return the value of the attribute} */
    public byte[] value() {
        ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + entries.size() * ENTRY_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(VERSION);
        for (Entry entry : entries) {
            out.putShort((short) entry.tag).putShort((short) entry.permissions).putInt(entry.id);
        }
        return out.array();
    }

    private int permissions(int tag) {
        for (Entry entry : entries) {
            if (entry.tag == tag) {
                return entry.permissions;
            }
        }
        return -1;
    }

    /** {@return whether the permission bits of a mode say the same} */
    public boolean isMinimal() {
        return entries.size() == 3;
    }

    /** {@return the permission bits (0777) that go with the list: the mask, where there is one, stands for the group} */
    public int permissionBits() {
        int mask = permissions(MASK);
        return permissions(USER_OBJ) << 6 | (mask < 0 ? permissions(GROUP_OBJ) : mask) << 3 | permissions(OTHER);
    }

    /**
     * The list after chmod(2): owner, mask (or group) and others follow the permission bits.
     *
     * @param mode the new mode
     * @return the list
     */
    public PosixAcl withMode(int mode) {
        boolean hasMask = permissions(MASK) >= 0;
        List<Entry> changed = new ArrayList<>();
        for (Entry entry : entries) {
            int permissions = switch (entry.tag) {
                case USER_OBJ -> mode >>> 6 & 7;
                case GROUP_OBJ -> hasMask ? entry.permissions : mode >>> 3 & 7;
                case MASK -> mode >>> 3 & 7;
                case OTHER -> mode & 7;
                default -> entry.permissions;
            };
            changed.add(new Entry(entry.tag, permissions, entry.id));
        }
        return new PosixAcl(changed);
    }

    /**
     * What a new file gets of this default list: each of its bits only where the mode that was asked for has it, and the umask does not
     * count (acl(5), "object creation and default ACLs").
     *
     * @param mode asked for, without the umask
     * @return the list of the new file; its {@link #permissionBits} are those of the new mode
     */
    public PosixAcl inherited(int mode) {
        boolean hasMask = permissions(MASK) >= 0;
        List<Entry> changed = new ArrayList<>();
        for (Entry entry : entries) {
            int permissions = switch (entry.tag) {
                case USER_OBJ -> entry.permissions & mode >>> 6;
                case GROUP_OBJ -> hasMask ? entry.permissions : entry.permissions & mode >>> 3;
                case MASK -> entry.permissions & mode >>> 3;
                case OTHER -> entry.permissions & mode;
                default -> entry.permissions;
            };
            changed.add(new Entry(entry.tag, permissions & 7, entry.id));
        }
        return new PosixAcl(changed);
    }

    /**
     * Checks access as acl(5) says; capabilities as without a list.
     *
     * @param mode type and permission bits of the file
     * @param uid owner
     * @param gid group
     * @param mask R_OK, W_OK, X_OK
     * @param credentials who wants access
     * @throws ErrnoException EACCES
     */
    public void check(int mode, int uid, int gid, int mask, Credentials credentials) throws ErrnoException {
        // What no entry gives may still come by a capability, as if the mode gave nothing to anybody.
        if (!permits(uid, gid, mask & 7, credentials)) {
            ModeBits.checkCapabilities(mode, mask, credentials);
        }
    }

    private boolean permits(int uid, int gid, int wanted, Credentials credentials) {
        int bound = permissions(MASK) < 0 ? 7 : permissions(MASK);
        boolean isInGroup = false;
        for (Entry entry : entries) {
            switch (entry.tag) {
                case USER_OBJ -> {
                    if (credentials.fsuid() == uid) {
                        return (wanted & ~entry.permissions) == 0;
                    }
                }
                case USER -> {
                    if (credentials.fsuid() == entry.id) {
                        return (wanted & ~(entry.permissions & bound)) == 0;
                    }
                }
                case GROUP_OBJ, GROUP -> {
                    if (credentials.inGroup(entry.tag == GROUP ? entry.id : gid)) {
                        isInGroup = true;
                        if ((wanted & ~entry.permissions) == 0) { // one group that gives all of it is enough
                            return (wanted & ~bound) == 0;
                        }
                    }
                }
                case OTHER -> {
                    return !isInGroup && (wanted & ~entry.permissions) == 0;
                }
                default -> { }
            }
        }
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PosixAcl acl && acl.entries.equals(entries);
    }

    @Override
    public int hashCode() {
        return entries.hashCode();
    }

    @Override
    public String toString() {
        return entries.toString();
    }
}
