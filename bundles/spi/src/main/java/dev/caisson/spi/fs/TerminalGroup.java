package dev.caisson.spi.fs;

import org.osgi.annotation.versioning.ProviderType;

/** A process group, as a terminal sees it. */
@ProviderType
public interface TerminalGroup {
    /** {@return the session of the group} */
    TerminalSession session();

    /**
     * Sends a signal to every member, as from the kernel.
     *
     * @param signal signal number
     */
    void signal(int signal);

    /** {@return whether no process is left in it} */
    boolean isEmpty();

    /** {@return whether nobody outside the group but in its session is a parent of a member: job control cannot continue it} */
    boolean isOrphaned();
}
