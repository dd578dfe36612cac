package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.E2BIG;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;

/** Structures whose size the guest tells, as copy_struct_from_user of Linux takes them. */
final class Structures {
    private Structures() {}

    /** What is longer than the structure we know must be zero; E2BIG, EFAULT. */
    static void checkRest(Task task, long address, int knownBytes, int size) throws ErrnoException {
        if (size <= knownBytes) {
            return;
        }
        byte[] rest = new byte[size - knownBytes];
        task.memory().copyIn(address + knownBytes, rest);
        for (byte b : rest) {
            if (b != 0) {
                throw E2BIG.error();
            }
        }
    }
}
