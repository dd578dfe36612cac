package dev.caisson.syscalls.file;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;

/** Rows of calls about mounts and whole filesystems, and of those about storage that a sandbox does not have. */
public final class MountRows {
    private static final FlagNames UMOUNT = FlagNames.mask(Mount.class, "MNT_");

    private MountRows() {}

    /**
     * Declares the rows.
     *
     * @param table where to
     */
    public static void declare(SyscallTable.Builder table) {
        table.full(136, "ustat", SysMount::ustat, number("dev"), address("ubuf"))
                .full(139, "sysfs", SysSpecial::sysfs, number("option"), address("arg1"), address("arg2"))
                .full(155, "pivot_root", SysMount::pivotRoot, path("new_root"), path("put_old"))
                .full(162, "sync", SysSeek::sync)
                .partial(165, "mount", SysMount::mount, "remounting ignores options of the filesystem", path("source"), path("target"), path("filesystemtype"), flags("mountflags", Flags.MOUNT),
                        address("data"))
                .full(166, "umount2", SysMount::umount2, path("target"), flags("flags", UMOUNT))
                .partial(167, "swapon", SysSpecial::swapon, "no file is a swap area (EINVAL)", path("path"), number("swapflags"))
                .partial(168, "swapoff", SysSpecial::swapoff, "no file is a swap area (EINVAL)", path("path"))
                .absent(179, "quotactl", Errno.ENOSYS, "no quotas", number("cmd"), path("special"), number("id"), address("addr"))
                .absent(180, "nfsservctl", Errno.ENOSYS, "removed from Linux")
                .absent(212, "lookup_dcookie", Errno.ENOSYS, "removed from Linux", size("cookie"), address("buffer"), size("len"))
                .absent(300, "fanotify_init", Errno.ENOSYS, "no fanotify; inotify works", number("flags"), number("event_f_flags"))
                .absent(301, "fanotify_mark", Errno.ENOSYS, "no fanotify; inotify works", fd("fanotify_fd"), number("flags"), size("mask"),
                        fd("dirfd"), path("pathname"))
                .full(428, "open_tree", SysMountApi::openTree, fd("dirfd"), path("pathname"), number("flags"))
                .partial(429, "move_mount", SysMountApi::moveMount, "neither MOVE_MOUNT_BENEATH nor MOVE_MOUNT_SET_GROUP (EINVAL)", fd("from_dirfd"), path("from_path"), fd("to_dirfd"), path("to_path"),
                        number("flags"))
                .full(430, "fsopen", SysMountApi::fsopen, path("fsname"), number("flags"))
                .partial(431, "fsconfig", SysMountApi::fsconfig, "a change of a mounted filesystem is only that of ro and rw", fd("fs_fd"), number("cmd"), path("key"), address("value"), number("aux"))
                .full(432, "fsmount", SysMountApi::fsmount, fd("fs_fd"), number("flags"), number("attr_flags"))
                .full(433, "fspick", SysMountApi::fspick, fd("dirfd"), path("pathname"), number("flags"))
                .partial(442, "mount_setattr", SysMountApi::mountSetattr, "no mapping of ids (MOUNT_ATTR_IDMAP: EINVAL)", fd("dirfd"), path("pathname"), number("flags"), address("attr"),
                        size("size"))
                .absent(443, "quotactl_fd", Errno.ENOSYS, "no quotas", fd("fd"), number("cmd"), number("id"), address("addr"))
                .absent(444, "landlock_create_ruleset", Errno.EOPNOTSUPP, "landlock is off", address("attr"), size("size"),
                        number("flags"))
                .absent(445, "landlock_add_rule", Errno.EOPNOTSUPP, "landlock is off", fd("ruleset_fd"), number("rule_type"),
                        address("rule_attr"), number("flags"))
                .absent(446, "landlock_restrict_self", Errno.EOPNOTSUPP, "landlock is off", fd("ruleset_fd"), number("flags"))
                .partial(457, "statmount", SysStatMount::statmount, "no options as an array, no ids of namespaces (left out of the mask)", address("req"), address("buf"), size("bufsize"),
                        number("flags"))
                .partial(458, "listmount", SysStatMount::listmount, "of the own namespace only", address("req"), address("mnt_ids"), size("nr"),
                        number("flags"));
    }
}
