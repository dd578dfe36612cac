package dev.caisson.spi.cred;

import java.util.Arrays;

/**
 * The credentials of a task, credentials(7) and capabilities(7). Immutable: a change makes a new value.
 *
 * @param uid real user
 * @param euid effective user
 * @param suid saved set-user-ID
 * @param fsuid user for file access
 * @param gid real group
 * @param egid effective group
 * @param sgid saved set-group-ID
 * @param fsgid group for file access
 * @param groups supplementary groups; never written to after construction
 * @param permitted permitted capabilities, bit n for capability n
 * @param effective effective capabilities
 * @param inheritable inheritable capabilities
 * @param bounding bounding set
 * @param ambient ambient set
 * @param securebits {@code SECBIT_*}
 */
public record Credentials(int uid, int euid, int suid, int fsuid, int gid, int egid, int sgid, int fsgid, int[] groups,
        long permitted, long effective, long inheritable, long bounding, long ambient, int securebits) {
    /** All capabilities that Linux 6.1 knows (0 to CAP_CHECKPOINT_RESTORE). */
    public static final long ALL_CAPABILITIES = (1L << 41) - 1;

    /** The superuser with every capability. */
    public static final Credentials ROOT = ofUser(0, 0);

    /**
     * The credentials of a fresh login.
     *
     * @param uid user
     * @param gid group
     * @return all user and group ids set to these; every capability for user 0, none for others
     */
    public static Credentials ofUser(int uid, int gid) {
        long caps = uid == 0 ? ALL_CAPABILITIES : 0;
        return new Credentials(uid, uid, uid, uid, gid, gid, gid, gid, new int[0], caps, caps, 0, ALL_CAPABILITIES, 0, 0);
    }

    /**
     * Whether a capability is effective.
     *
     * @param capability {@code CAP_*}
     * @return whether it is
     */
    public boolean has(int capability) {
        return (effective >>> capability & 1) != 0;
    }

    /**
     * Whether a group counts for file access: fsgid or a supplementary group.
     *
     * @param group the group
     * @return whether it does
     */
    public boolean inGroup(int group) {
        if (group == fsgid) {
            return true;
        }
        for (int g : groups) {
            if (g == group) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Credentials that && uid == that.uid && euid == that.euid && suid == that.suid && fsuid == that.fsuid
                && gid == that.gid && egid == that.egid && sgid == that.sgid && fsgid == that.fsgid
                && Arrays.equals(groups, that.groups) && permitted == that.permitted && effective == that.effective
                && inheritable == that.inheritable && bounding == that.bounding && ambient == that.ambient
                && securebits == that.securebits;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(new int[] {uid, euid, gid, egid, Arrays.hashCode(groups), Long.hashCode(effective)});
    }
}
