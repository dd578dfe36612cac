package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** A session, as its controlling terminal sees it. */
@ProviderType
public interface TerminalSession {
    /** {@return the controlling terminal, or null} */
    ControllingTerminal terminal();

    /**
     * Makes a terminal the controlling one. The terminal keeps its own side (which session it controls) itself.
     *
     * @param terminal the terminal
     * @throws ErrnoException EPERM when the session has another one
     */
    void attachTerminal(ControllingTerminal terminal) throws ErrnoException;

    /**
     * Forgets the controlling terminal; does nothing when it is another one.
     *
     * @param terminal the terminal
     */
    void detachTerminal(ControllingTerminal terminal);

    /**
     * Sends a signal to the process that leads the session, if it lives.
     *
     * @param signal signal number
     */
    void signalLeader(int signal);
}
