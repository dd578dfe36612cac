package dev.caisson.syscalls.file;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.input;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.octal;
import static dev.caisson.kernel.syscall.Arguments.output;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.FileStructures;
import dev.caisson.kernel.syscall.decode.Ioctls;
import dev.caisson.kernel.syscall.decode.Polling;
import dev.caisson.kernel.syscall.decode.ProcessStructures;
import dev.caisson.kernel.syscall.decode.Requests;
import dev.caisson.kernel.syscall.decode.Sockets;
import dev.caisson.kernel.syscall.decode.Times;

/** Rows of calls on descriptors: read, write and everything that does not start from a path. */
public final class FileRows {
    private static final FlagNames MEMFD = FlagNames.mask(Fcntl.class, "MFD_");
    private static final FlagNames RWF = FlagNames.mask(Fcntl.class, "RWF_");
    private static final FlagNames CLOSE_RANGE = FlagNames.mask(Fcntl.class, "CLOSE_RANGE_");
    private static final FlagNames SYNC_RANGE = FlagNames.mask(Fcntl.class, "SYNC_FILE_RANGE_");

    private FileRows() {}

    /**
     * Declares the rows.
     *
     * @param table where to
     */
    public static void declare(SyscallTable.Builder table) {
        table.full(0, "read", SysRead::read, fd("fd"), output("buf"), size("count"))
                .full(1, "write", SysWrite::write, fd("fd"), input("buf", 2), size("count"))
                .full(3, "close", SysOpen::close, fd("fd"))
                .full(5, "fstat", SysStat::fstat, fd("fd"), FileStructures.stat("statbuf"))
                .full(8, "lseek", SysSeek::lseek, fd("fd"), size("offset"), flags("whence", Flags.SEEK))
                .full(16, "ioctl", SysIoctl::ioctl, fd("fd"), Ioctls.ioctl("request"), Ioctls.ioctlArgument("argp"))
                .full(17, "pread64", SysRead::pread64, fd("fd"), output("buf"), size("count"), size("offset"))
                .full(18, "pwrite64", SysWrite::pwrite64, fd("fd"), input("buf", 2), size("count"), size("offset"))
                .full(19, "readv", SysRead::readv, fd("fd"), Sockets.vectorOut("iov", 2), number("iovcnt"))
                .full(20, "writev", SysWrite::writev, fd("fd"), Sockets.vector("iov", 2), number("iovcnt"))
                .full(32, "dup", SysDup::dup, fd("oldfd"))
                .full(33, "dup2", SysDup::dup2, fd("oldfd"), fd("newfd"))
                .full(40, "sendfile", SysCopy::sendfile, fd("out_fd"), fd("in_fd"), FileStructures.position("offset"), size("count"))
                .full(72, "fcntl", SysFcntl::fcntl, fd("fd"), Requests.fcntl("cmd"), Requests.fcntlArgument("arg"))
                .full(73, "flock", SysLock::flock, fd("fd"), flags("operation", Flags.FLOCK))
                .full(74, "fsync", SysSeek::fsync, fd("fd"))
                .full(75, "fdatasync", SysSeek::fdatasync, fd("fd"))
                .full(77, "ftruncate", SysSeek::ftruncate, fd("fd"), size("length"))
                .full(78, "getdents", SysDirectory::getdents, fd("fd"), FileStructures.entries("dirp"), number("count"))
                .full(81, "fchdir", SysDirectory::fchdir, fd("fd"))
                .full(91, "fchmod", SysAttributes::fchmod, fd("fd"), octal("mode"))
                .full(93, "fchown", SysAttributes::fchown, fd("fd"), number("owner"), number("group"))
                .full(138, "fstatfs", SysMount::fstatfs, fd("fd"), FileStructures.statfs("buf"))
                .full(187, "readahead", SysSeek::readahead, fd("fd"), size("offset"), size("count"))
                .full(206, "io_setup", SysAio::setup, number("nr_events"), ProcessStructures.addressOut("ctx_idp"))
                .full(207, "io_destroy", SysAio::destroy, address("ctx_id"))
                .full(208, "io_getevents", SysAio::getevents, address("ctx_id"), size("min_nr"), size("nr"), address("events"),
                        Times.timespec("timeout"))
                .partial(209, "io_submit", SysAio::submit, "the operations are carried out before it returns; IOCB_CMD_POLL is EINVAL",
                        address("ctx_id"), size("nr"), address("iocbpp"))
                .full(210, "io_cancel", SysAio::cancel, address("ctx_id"), address("iocb"), address("result"))
                .full(217, "getdents64", SysDirectory::getdents64, fd("fd"), FileStructures.entries("dirp"), size("count"))
                .full(221, "fadvise64", SysSeek::fadvise64, fd("fd"), size("offset"), size("len"), flags("advice", Flags.FADVISE))
                .full(277, "sync_file_range", SysSeek::syncFileRange, fd("fd"), size("offset"), size("nbytes"),
                        flags("flags", SYNC_RANGE))
                .full(285, "fallocate", SysSeek::fallocate, fd("fd"), flags("mode", Flags.FALLOCATE), size("offset"), size("len"))
                .full(292, "dup3", SysDup::dup3, fd("oldfd"), fd("newfd"), flags("flags", Flags.DESCRIPTOR))
                .full(295, "preadv", SysRead::preadv, fd("fd"), Sockets.vectorOut("iov", 2), number("iovcnt"), size("offset"))
                .full(296, "pwritev", SysWrite::pwritev, fd("fd"), Sockets.vector("iov", 2), number("iovcnt"), size("offset"))
                .full(306, "syncfs", SysSeek::syncfs, fd("fd"))
                .partial(319, "memfd_create", SysMemfd::memfdCreate, "no huge pages (MFD_HUGETLB: ENOSYS)", path("name"),
                        flags("flags", MEMFD))
                .full(326, "copy_file_range", SysCopy::copyFileRange, fd("fd_in"), FileStructures.position("off_in"), fd("fd_out"), FileStructures.position("off_out"),
                        size("len"), number("flags"))
                .full(327, "preadv2", SysRead::preadv2, fd("fd"), Sockets.vectorOut("iov", 2), number("iovcnt"), size("offset"), size("offset_high"),
                        flags("flags", RWF))
                .full(328, "pwritev2", SysWrite::pwritev2, fd("fd"), Sockets.vector("iov", 2), number("iovcnt"), size("offset"),
                        size("offset_high"), flags("flags", RWF))
                .full(333, "io_pgetevents", SysAio::pgetevents, address("ctx_id"), size("min_nr"), size("nr"), address("events"),
                        Times.timespec("timeout"), Polling.maskPair("usig"))
                .absent(425, "io_uring_setup", Errno.ENOSYS, "no io_uring", number("entries"), address("params"))
                .absent(426, "io_uring_enter", Errno.ENOSYS, "no io_uring", fd("fd"), number("to_submit"), number("min_complete"),
                        number("flags"), address("sig"), size("sigsz"))
                .absent(427, "io_uring_register", Errno.ENOSYS, "no io_uring", fd("fd"), number("opcode"), address("arg"),
                        number("nr_args"))
                .full(436, "close_range", SysOpen::closeRange, number("first"), number("last"), flags("flags", CLOSE_RANGE))
                .partial(451, "cachestat", SysSpecial::cachestat, "all pages of a file count as cached and clean", fd("fd"), address("cstat_range"),
                        address("cstat"), number("flags"));
    }
}
