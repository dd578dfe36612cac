package dev.caisson.syscalls.file;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.input;
import static dev.caisson.kernel.syscall.Arguments.intOut;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.octal;
import static dev.caisson.kernel.syscall.Arguments.output;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.FileStructures;
import dev.caisson.kernel.syscall.decode.Times;

/** Rows of calls that take a path. */
public final class PathRows {
    private static final FlagNames XATTR = FlagNames.mask(Mount.class, "XATTR_");

    private PathRows() {}

    /**
     * Declares the rows.
     *
     * @param table where to
     */
    public static void declare(SyscallTable.Builder table) {
        declareOld(table);
        declareXattr(table);
        declareAt(table);
    }

    private static void declareOld(SyscallTable.Builder table) {
        table.full(2, "open", SysOpen::open, path("pathname"), flags("flags", Flags.OPEN),
                        FileStructures.creationMode("mode", 1))
                .full(4, "stat", SysStat::stat, path("pathname"), FileStructures.stat("statbuf"))
                .full(6, "lstat", SysStat::lstat, path("pathname"), FileStructures.stat("statbuf"))
                .full(21, "access", SysAttributes::access, path("pathname"), FileStructures.access("mode"))
                .full(76, "truncate", SysSeek::truncate, path("path"), size("length"))
                .full(79, "getcwd", SysDirectory::getcwd, output("buf"), size("size"))
                .full(80, "chdir", SysDirectory::chdir, path("path"))
                .full(82, "rename", SysNames::rename, path("oldpath"), path("newpath"))
                .full(83, "mkdir", SysNames::mkdir, path("pathname"), octal("mode"))
                .full(84, "rmdir", SysNames::rmdir, path("pathname"))
                .full(85, "creat", SysOpen::creat, path("pathname"), octal("mode"))
                .full(86, "link", SysNames::link, path("oldpath"), path("newpath"))
                .full(87, "unlink", SysNames::unlink, path("pathname"))
                .full(88, "symlink", SysNames::symlink, path("target"), path("linkpath"))
                .full(89, "readlink", SysNames::readlink, path("pathname"), output("buf"), size("bufsiz"))
                .full(90, "chmod", SysAttributes::chmod, path("pathname"), octal("mode"))
                .full(92, "chown", SysAttributes::chown, path("pathname"), number("owner"), number("group"))
                .full(94, "lchown", SysAttributes::lchown, path("pathname"), number("owner"), number("group"))
                .full(95, "umask", SysAttributes::umask, FileStructures.permissionMask("mask"))
                .full(132, "utime", SysAttributes::utime, path("filename"), Times.utimbuf("times"))
                .full(133, "mknod", SysNames::mknod, path("pathname"), FileStructures.nodeMode("mode"),
                        FileStructures.device("dev", 1))
                .absent(134, "uselib", Errno.ENOSYS, "removed from Linux", path("library"))
                .full(137, "statfs", SysMount::statfs, path("path"), FileStructures.statfs("buf"))
                .full(161, "chroot", SysDirectory::chroot, path("path"))
                .full(235, "utimes", SysAttributes::utimes, path("filename"), Times.timevalPair("times"));
    }

    private static void declareXattr(SyscallTable.Builder table) {
        table.full(188, "setxattr", SysXattr::setxattr, path("path"), path("name"), input("value", 3), size("size"),
                        flags("flags", XATTR))
                .full(189, "lsetxattr", SysXattr::lsetxattr, path("path"), path("name"), input("value", 3), size("size"),
                        flags("flags", XATTR))
                .full(190, "fsetxattr", SysXattr::fsetxattr, fd("fd"), path("name"), input("value", 3), size("size"),
                        flags("flags", XATTR))
                .full(191, "getxattr", SysXattr::getxattr, path("path"), path("name"), FileStructures.attribute("value", 3),
                        size("size"))
                .full(192, "lgetxattr", SysXattr::lgetxattr, path("path"), path("name"), FileStructures.attribute("value", 3),
                        size("size"))
                .full(193, "fgetxattr", SysXattr::fgetxattr, fd("fd"), path("name"), FileStructures.attribute("value", 3),
                        size("size"))
                .full(194, "listxattr", SysXattr::listxattr, path("path"), FileStructures.attribute("list", 2), size("size"))
                .full(195, "llistxattr", SysXattr::llistxattr, path("path"), FileStructures.attribute("list", 2), size("size"))
                .full(196, "flistxattr", SysXattr::flistxattr, fd("fd"), FileStructures.attribute("list", 2), size("size"))
                .full(197, "removexattr", SysXattr::removexattr, path("path"), path("name"))
                .full(198, "lremovexattr", SysXattr::lremovexattr, path("path"), path("name"))
                .full(199, "fremovexattr", SysXattr::fremovexattr, fd("fd"), path("name"));
    }

    private static void declareAt(SyscallTable.Builder table) {
        table.full(257, "openat", SysOpen::openat, fd("dirfd"), path("pathname"), flags("flags", Flags.OPEN),
                        FileStructures.creationMode("mode", 2))
                .full(258, "mkdirat", SysNames::mkdirat, fd("dirfd"), path("pathname"), octal("mode"))
                .full(259, "mknodat", SysNames::mknodat, fd("dirfd"), path("pathname"), FileStructures.nodeMode("mode"),
                        FileStructures.device("dev", 2))
                .full(260, "fchownat", SysAttributes::fchownat, fd("dirfd"), path("pathname"), number("owner"), number("group"),
                        flags("flags", Flags.AT))
                .full(261, "futimesat", SysAttributes::futimesat, fd("dirfd"), path("pathname"), Times.timevalPair("times"))
                .full(262, "newfstatat", SysStat::newfstatat, fd("dirfd"), path("pathname"), FileStructures.stat("statbuf"), flags("flags", Flags.AT))
                .full(263, "unlinkat", SysNames::unlinkat, fd("dirfd"), path("pathname"), flags("flags", Flags.UNLINK))
                .full(264, "renameat", SysNames::renameat, fd("olddirfd"), path("oldpath"), fd("newdirfd"), path("newpath"))
                .full(265, "linkat", SysNames::linkat, fd("olddirfd"), path("oldpath"), fd("newdirfd"), path("newpath"),
                        flags("flags", Flags.AT))
                .full(266, "symlinkat", SysNames::symlinkat, path("target"), fd("newdirfd"), path("linkpath"))
                .full(267, "readlinkat", SysNames::readlinkat, fd("dirfd"), path("pathname"), output("buf"), size("bufsiz"))
                .full(268, "fchmodat", SysAttributes::fchmodat, fd("dirfd"), path("pathname"), octal("mode"))
                .full(269, "faccessat", SysAttributes::faccessat, fd("dirfd"), path("pathname"), FileStructures.access("mode"))
                .full(280, "utimensat", SysAttributes::utimensat, fd("dirfd"), path("pathname"), Times.fileTimes("times"),
                        flags("flags", Flags.AT))
                .full(303, "name_to_handle_at", SysHandle::nameToHandleAt, fd("dirfd"), path("pathname"), FileStructures.handleOut("handle"),
                        intOut("mount_id"), flags("flags", Flags.AT))
                .full(304, "open_by_handle_at", SysHandle::openByHandleAt, fd("mount_fd"), FileStructures.handle("handle"),
                        flags("flags", Flags.OPEN))
                .full(316, "renameat2", SysNames::renameat2, fd("olddirfd"), path("oldpath"), fd("newdirfd"), path("newpath"),
                        flags("flags", Flags.RENAME))
                .full(332, "statx", SysStat::statx, fd("dirfd"), path("pathname"), flags("flags", Flags.AT_STATX),
                        FileStructures.statxMask("mask"), FileStructures.statx("statxbuf"))
                .full(437, "openat2", SysOpen::openat2, fd("dirfd"), path("pathname"), FileStructures.openHow("how"), size("size"))
                .full(439, "faccessat2", SysAttributes::faccessat2, fd("dirfd"), path("pathname"), FileStructures.access("mode"),
                        flags("flags", Flags.AT))
                .full(452, "fchmodat2", SysAttributes::fchmodat2, fd("dirfd"), path("pathname"), octal("mode"), flags("flags", Flags.AT))
                .full(463, "setxattrat", SysXattr::setxattrat, fd("dirfd"), path("pathname"), flags("at_flags", Flags.AT), path("name"),
                        address("args"), size("size"))
                .full(464, "getxattrat", SysXattr::getxattrat, fd("dirfd"), path("pathname"), flags("at_flags", Flags.AT), path("name"),
                        address("args"), size("size"))
                .full(465, "listxattrat", SysXattr::listxattrat, fd("dirfd"), path("pathname"), flags("at_flags", Flags.AT),
                        FileStructures.attribute("list", 4), size("size"))
                .full(466, "removexattrat", SysXattr::removexattrat, fd("dirfd"), path("pathname"), flags("at_flags", Flags.AT),
                        path("name"));
    }
}
