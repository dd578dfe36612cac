package dev.caisson.kernel;

import dev.caisson.abi.SignalInfo;
import dev.caisson.spi.fs.TerminalGroup;
import java.util.ArrayList;
import java.util.List;

/** A process group. Members are guarded by TASK_SET. */
public final class ProcessGroup implements TerminalGroup {
    private final Pid identity;
    private final Session session;
    private final Kernel kernel;
    /** Guarded by TASK_SET. */
    private final List<GuestProcess> members = new ArrayList<>(2);

    /** Makes an empty group; TASK_SET is held. */
    ProcessGroup(Kernel kernel, Pid identity, Session session) {
        this.kernel = kernel;
        this.identity = identity;
        this.session = session;
        identity.group = this;
        session.groups++;
    }

    /** {@return the identity whose numbers name the group} */
    public Pid identity() {
        return identity;
    }

    /** {@return the group id in the root pid namespace} */
    public int id() {
        return identity.rootNumber();
    }

    @Override
    public Session session() {
        return session;
    }

    /** {@return the member processes; a snapshot} */
    public List<GuestProcess> members() {
        kernel.taskSet().lock();
        try {
            return new ArrayList<>(members);
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** {@return the live list of members, for holders of TASK_SET} */
    List<GuestProcess> membersLocked() {
        return members;
    }

    void addLocked(GuestProcess process) {
        members.add(process);
    }

    void removeLocked(GuestProcess process) {
        members.remove(process);
        if (members.isEmpty()) {
            identity.group = null;
            identity.releaseIfUnused();
            session.groupGoneLocked();
        }
    }

    @Override
    public boolean isEmpty() {
        return identity.group != this;
    }

    @Override
    public void signal(int signal) {
        SignalInfo info = SignalInfo.kernel(signal);
        for (GuestProcess process : members()) {
            process.sendSignal(info);
        }
    }

    @Override
    public boolean isOrphaned() {
        kernel.taskSet().lock();
        try {
            return isOrphanedLocked(null);
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /**
     * Whether no member has a parent in another group of the same session (POSIX 3.264). TASK_SET is held.
     *
     * @param ignored a member that counts as gone, or null
     */
    boolean isOrphanedLocked(GuestProcess ignored) {
        for (GuestProcess member : members) {
            GuestProcess parent = member.parent();
            if (member == ignored || member.isZombie()) {
                continue;
            }
            if (member == kernel.init()) {
                return false; // whoever started the sandbox does its job control: it stops and continues with process 1
            }
            if (parent == null || member.adoptedByInit) {
                continue;
            }
            if (parent.group() != this && parent.session() == session) {
                return false;
            }
        }
        return true;
    }

    boolean hasStoppedLocked() {
        for (GuestProcess member : members) {
            if (member.isStopped()) {
                return true;
            }
        }
        return false;
    }
}
