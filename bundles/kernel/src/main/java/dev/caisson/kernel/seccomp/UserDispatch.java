package dev.caisson.kernel.seccomp;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Seccomp;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;

/**
 * System calls that come back to the program as SIGSYS: PR_SET_SYSCALL_USER_DISPATCH of prctl(2). One thread's; neither children nor new
 * programs have it.
 *
 * @param offset where the code begins whose calls are carried out always
 * @param lengthBytes how much code that is
 * @param selector guest address of a byte that says whether others are: 0 for yes, 1 for no; 0 when they never are
 */
public record UserDispatch(long offset, long lengthBytes, long selector) {
    private static final int ALLOW = 0;
    private static final int BLOCK = 1;

    /**
     * Decides about a call.
     *
     * @param task the caller
     * @param number the system call
     * @return whether it comes back as a signal instead of being carried out
     */
    public boolean catches(Task task, int number) {
        long address = task.registers().rip();
        if (Long.compareUnsigned(address - offset, lengthBytes) < 0) {
            return false;
        }
        if (selector != 0) {
            int state;
            try {
                state = task.memory().readByte(selector);
            } catch (ErrnoException fault) {
                force(task, SignalInfo.kernel(Signals.SIGSEGV), true);
                return true;
            }
            if (state == ALLOW) {
                return false;
            }
            if (state != BLOCK) {
                force(task, SignalInfo.kernel(Signals.SIGSYS), true);
                return true;
            }
        }
        task.registers().rax(number);
        force(task, SignalInfo.userDispatch(address, number, Seccomp.AUDIT_ARCH_X86_64), false);
        return true;
    }

    private static void force(Task task, SignalInfo info, boolean fatal) {
        task.signals().process().force(task.signals(), info, fatal);
    }
}
