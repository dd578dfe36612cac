package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/** A terminal that can control a session; implemented by terminal devices. */
@ConsumerType
public interface ControllingTerminal {
    /**
     * Opens it by the name /dev/tty.
     *
     * @param flags O_*
     * @return a new open file
     * @throws ErrnoException EIO when it was hung up
     */
    OpenFile openControlling(int flags) throws ErrnoException;

    /** {@return the foreground process group, or null} */
    TerminalGroup foreground();

    /**
     * The session gives the terminal up: its leader exits or asked for it (TIOCNOTTY). The terminal sends SIGHUP and SIGCONT to the
     * foreground group and forgets session and group.
     *
     * @param session the session
     * @param leaderExits whether the leader exits, so that others may no longer use the terminal
     */
    void releasedBy(TerminalSession session, boolean leaderExits);

    /** {@return major number of the device, for /proc/PID/stat} */
    int major();

    /** {@return minor number of the device} */
    int minor();
}
