package dev.caisson.testing.bench;

import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;

/** Guest code, as far as the kernel sees it: what it does between two system calls. */
@FunctionalInterface
public interface Script {
    /**
     * Goes on to the next system call.
     *
     * @param task who runs, on its own thread
     * @param registers what the last call left, with its result in rax; takes the next call as its arguments and its number in orig_rax
     * @return whether there is a next call; false ends the script
     */
    boolean next(Task task, Registers registers);
}
