package dev.caisson.kernel.syscall;

import dev.caisson.abi.Errno;
import java.util.List;

/**
 * One row of a system-call table. From these rows come dispatch, tracing, policies and the compatibility page.
 *
 * @param number the number in rax
 * @param name as in the man page
 * @param support how far it is implemented
 * @param note what is missing, or why it is absent; empty when it is complete
 * @param errno the answer of an absent call, else null
 * @param handler answers it; null for a control call
 * @param control answers it and decides how the caller goes on; null for others
 * @param arguments at most six
 */
public record SyscallRow(int number, String name, Support support, String note, Errno errno, SyscallHandler handler,
        ControlHandler control, List<Argument> arguments) {

    /**
     * The same call with another answer, for policies.
     *
     * @param other answers instead
     * @return a new row
     */
    public SyscallRow withHandler(SyscallHandler other) {
        return new SyscallRow(number, name, support, note, errno, other, null, arguments);
    }
}
