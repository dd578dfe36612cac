package dev.caisson.syscalls;

import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.syscalls.file.FileRows;
import dev.caisson.syscalls.file.MountRows;
import dev.caisson.syscalls.file.PathRows;

/** System calls about files, directories and mounts. */
final class FileSyscalls {
    private FileSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        FileRows.declare(table);
        PathRows.declare(table);
        MountRows.declare(table);
    }
}
