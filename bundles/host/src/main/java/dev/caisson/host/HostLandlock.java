package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** landlock(7): a thread gives up, for itself and all that comes from it, whatever of the file tree it does not name. */
public final class HostLandlock {
    /** To run and read files, and to list directories. */
    public static final long READ = 1 | 1 << 2 | 1 << 3;
    /** The rights that a file may have that is no directory. */
    public static final long OF_FILE = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;
    private static final int CREATE_RULESET_VERSION = 1;
    private static final int RULE_PATH_BENEATH = 1;

    private HostLandlock() {}

    /**
     * Every right that the host's landlock can take away.
     *
     * @return {@code LANDLOCK_ACCESS_FS_*}; 0 when the host has no landlock
     */
    public static long all() {
        long version = HostCalls.call(SyscallNumber.LANDLOCK_CREATE_RULESET, 0, 0, CREATE_RULESET_VERSION);
        if (version < 1) {
            return 0;
        }
        int rights = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13; // of 13, REFER, TRUNCATE, and IOCTL_DEV
        return (1L << rights) - 1;
    }

    /**
     * landlock_create_ruleset(2).
     *
     * @param rights that are to be taken away, except where a rule leaves them
     * @return a descriptor, closed on exec, or a negated error number
     */
    public static long create(long rights) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, rights); // struct landlock_ruleset_attr, its first version
        return HostCalls.call(SyscallNumber.LANDLOCK_CREATE_RULESET, scratch.structureAddress(), 8, 0);
    }

    /**
     * landlock_add_rule(2) for a file or everything below a directory.
     *
     * @param rules the descriptor of {@link #create}
     * @param fd the file or directory, open with {@code O_PATH}
     * @param rights that are left
     * @return 0 or a negated error number
     */
    public static long allow(int rules, int fd, long rights) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, rights); // struct landlock_path_beneath_attr, packed
        scratch.structure().set(Layouts.U32, 8, fd);
        return HostCalls.call(SyscallNumber.LANDLOCK_ADD_RULE, rules, RULE_PATH_BENEATH, scratch.structureAddress(), 0);
    }

    /**
     * landlock_restrict_self(2), for the calling thread. Needs no_new_privs.
     *
     * @param rules the descriptor of {@link #create}
     * @return 0 or a negated error number
     */
    public static long restrict(int rules) {
        return HostCalls.call(SyscallNumber.LANDLOCK_RESTRICT_SELF, rules, 0);
    }
}
