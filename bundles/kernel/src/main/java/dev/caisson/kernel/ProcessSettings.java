package dev.caisson.kernel;

import dev.caisson.spi.cred.Credentials;
import java.util.function.Consumer;

/**
 * What a process that comes from outside begins with, besides its files.
 *
 * @param credentials who runs it; execve(2) of its program transforms the capabilities
 * @param namespaces its namespaces; {@code pidForChildren} is the one that it gets its number in
 * @param set what it belongs to
 * @param isContainerInit whether it is process 1 of its pid namespace as Linux has it: signals without a handler do not reach it, but
 *     for SIGKILL and SIGSTOP from outside
 * @param noNewPrivileges whether execve(2) may not raise privileges
 * @param limits its resource limits; they become its own
 * @param oomScoreAdjustment -1000 to 1000
 * @param personality {@code PER_*}
 * @param filter {@code struct sock_filter}s over its system calls, or null; they count from the program's first instruction on
 * @param scheduling sets what differs from the default
 */
public record ProcessSettings(Credentials credentials, Namespaces namespaces, ProcessSet set, boolean isContainerInit, boolean noNewPrivileges,
        ResourceLimits limits, int oomScoreAdjustment, int personality, byte[] filter, Consumer<TaskScheduling> scheduling) {
    /**
     * The settings of a program that is run directly.
     *
     * @param kernel the kernel
     * @param credentials who runs it
     * @return root namespaces, default limits, nothing else
     */
    static ProcessSettings plain(Kernel kernel, Credentials credentials) {
        return new ProcessSettings(credentials, new Namespaces(kernel.rootUts(), kernel.rootIpc(), kernel.rootPids()), kernel.rootSet(), false, false,
                new ResourceLimits(), 0, 0, null, scheduling -> { });
    }
}
