package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;

/** The access check of ptrace(2), PTRACE_MODE_ATTACH_REALCREDS. */
public final class Inspection {
    private Inspection() {}

    /**
     * Checks that a task may look into another.
     *
     * @param caller who wants to
     * @param target whom it is about
     * @throws ErrnoException EPERM
     */
    public static void check(Task caller, Task target) throws ErrnoException {
        if (caller.process() == target.process()) {
            return;
        }
        Credentials own = caller.credentials();
        Credentials other = target.credentials();
        boolean same = own.uid() == other.euid() && own.uid() == other.suid() && own.uid() == other.uid()
                && own.gid() == other.egid() && own.gid() == other.sgid() && own.gid() == other.gid();
        MemoryManager memory = target.memory();
        boolean dumpable = memory == null || memory.layout().dumpable == 1;
        boolean subset = (other.permitted() & ~own.permitted()) == 0;
        if (!(same && dumpable && subset) && !own.has(Capability.CAP_SYS_PTRACE)) {
            throw EPERM.error();
        }
    }
}
