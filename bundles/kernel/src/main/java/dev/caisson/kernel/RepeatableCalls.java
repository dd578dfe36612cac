package dev.caisson.kernel;

import dev.caisson.abi.Fcntl;
import dev.caisson.spi.platform.Registers;

/**
 * System calls that only look: given up before they have told anything, they may be made again. Numbers of x86-64, from
 * arch/x86/entry/syscalls/syscall_64.tbl.
 */
final class RepeatableCalls {
    private static final int MAKES = Fcntl.O_CREAT | Fcntl.O_TRUNC;

    private RepeatableCalls() {}

    /** Whether a call that has failed for lack of memory has done nothing, and may be made again. */
    static boolean repeatsWithoutMemory(Registers registers) {
        return switch ((int) registers.origRax()) {
            case 1, 18, 20, 285 -> true; // write, pwrite64, writev, fallocate
            case 28, 149, 151, 325 -> true; // madvise, mlock, mlockall, mlock2
            case 56, 57, 58, 435 -> true; // clone, fork, vfork, clone3
            case 59, 322 -> true; // execve, execveat
            default -> contains(registers);
        };
    }

    /** Whether the registers are those of such a call; a page fault is none. */
    static boolean contains(Registers registers) {
        return switch ((int) registers.origRax()) {
            case 0, 17, 19, 295 -> true; // read, pread64, readv, preadv
            case 2 -> (registers.rsi() & MAKES) == 0; // open
            case 257 -> (registers.rdx() & MAKES) == 0; // openat
            case 4, 5, 6, 262, 332 -> true; // stat, fstat, lstat, newfstatat, statx
            case 21, 269, 439 -> true; // access, faccessat, faccessat2
            case 78, 217 -> true; // getdents, getdents64
            case 80, 81 -> true; // chdir, fchdir
            case 89, 267 -> true; // readlink, readlinkat
            case 137, 138 -> true; // statfs, fstatfs
            case 191, 192, 193, 194, 195, 196 -> true; // getxattr, lgetxattr, fgetxattr, listxattr, llistxattr, flistxattr
            default -> false;
        };
    }
}
