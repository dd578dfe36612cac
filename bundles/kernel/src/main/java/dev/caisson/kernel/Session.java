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
    /** Null without a terminal. */
    private volatile Control control;

    /**
     * A terminal's control over the session, from when the leader gets it until it is lost. A process has the terminal while it holds this
     * very object: those that the leader forked before do not, as on Linux.
     */
    record Control(ControllingTerminal terminal) {}

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
        Control now = control;
        return now == null ? null : now.terminal;
    }

    /** {@return what holders of the terminal hold now; null without a terminal} */
    Control control() {
        return control;
    }

    @Override
    public synchronized void attachTerminal(ControllingTerminal wanted) throws ErrnoException {
        Control now = control;
        if (now != null && now.terminal != wanted) {
            throw EPERM.error("the session has a controlling terminal");
        }
        if (now == null) {
            now = new Control(wanted);
            control = now;
        }
        GuestProcess process = leader;
        if (process != null) {
            process.terminalControl = now;
        }
    }

    @Override
    public synchronized void detachTerminal(ControllingTerminal old) {
        if (terminal() == old) {
            control = null;
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
