package dev.caisson.kernel.signal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;

/**
 * How restart_syscall(2) goes on with a call that failed with ERESTART_RESTARTBLOCK. Implementations are records of plain
 * values. The call sets it with {@link SignalState#restartBlock(RestartBlock)} just before it throws.
 */
@FunctionalInterface
public interface RestartBlock {
    /**
     * Goes on.
     *
     * @param task the calling task
     * @return the result of the call
     * @throws ErrnoException its error, or a restart code again
     */
    long restart(Task task) throws ErrnoException;
}
