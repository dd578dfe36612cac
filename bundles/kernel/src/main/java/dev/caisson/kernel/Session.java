package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalInfo;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.TerminalSession;

/** A session, credentials(7). */
public final class Session implements TerminalSession {
    private final Pid identity;
    /** How many groups belong to it. Guarded by TASK_SET. */
    int groups;
    private volatile GuestProcess leader;
    private volatile ControllingTerminal terminal;

    /** Makes a session without groups; TASK_SET is held. */
    Session(Pid identity, GuestProcess leader) {
        this.identity = identity;
        this.leader = leader;
        identity.session = this;
    }

    /** {@return the identity whose numbers name the session} */
    public Pid identity() {
        return identity;
    }

    /** {@return the session id in the root pid namespace} */
    public int id() {
        return identity.rootNumber();
    }

    /** {@return the leading process, or null when it has exited} */
    public GuestProcess leader() {
        return leader;
    }

    void leaderGone() {
        leader = null;
    }

    void groupGoneLocked() {
        groups--;
        if (groups == 0) {
            identity.session = null;
            identity.releaseIfUnused();
        }
    }

    @Override
    public ControllingTerminal terminal() {
        return terminal;
    }

    @Override
    public synchronized void attachTerminal(ControllingTerminal wanted) throws ErrnoException {
        if (terminal != null && terminal != wanted) {
            throw EPERM.error("the session has a controlling terminal");
        }
        terminal = wanted;
    }

    @Override
    public synchronized void detachTerminal(ControllingTerminal old) {
        if (terminal == old) {
            terminal = null;
        }
    }

    @Override
    public void signalLeader(int signal) {
        GuestProcess process = leader;
        if (process != null) {
            process.sendSignal(SignalInfo.kernel(signal));
        }
    }
}
