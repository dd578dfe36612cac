package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.UserCredentials;
import dev.caisson.kernel.Task;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketMessage;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Who is at the other end: SO_PEERCRED and SCM_CREDENTIALS, unix(7). */
final class UnixIdentity {
    private static final int OVERFLOW_ID = 65534;
    /** The sender of a message that was sent before anybody asked. */
    private static final UserCredentials NOBODY = new UserCredentials(0, OVERFLOW_ID, OVERFLOW_ID);

    private UnixIdentity() {}

    /** What SO_PEERCRED says of a socket that somebody made, or listens with: effective ids. */
    static UserCredentials ofPeer(SocketCaller caller) {
        Credentials credentials = caller.credentials();
        return new UserCredentials(caller.processId(), credentials.euid(), credentials.egid());
    }

    /**
     * What SCM_CREDENTIALS says of a message: whom the sender named, or the sending task with its real ids. A plain write(2) has no caller
     * among its parameters: it is the task of this thread.
     *
     * @param message what was given with the data, or null
     * @param isWanted whether one of the sides has asked by now
     * @param owner who made the socket, in case no task sends
     * @throws ErrnoException EINVAL for control messages that are none, EPERM when the sender must not name these ids
     */
    static UserCredentials ofSender(SocketMessage message, boolean isWanted, UserCredentials owner) throws ErrnoException {
        SocketCaller caller = message == null ? null : message.caller;
        UserCredentials claimed = caller == null || message.control == null ? null : claimed(message.control, caller);
        if (claimed != null) {
            return claimed;
        }
        if (!isWanted) {
            return NOBODY;
        }
        if (caller != null) {
            return real(caller.processId(), caller.credentials());
        }
        return JobControl.current() instanceof Task task ? real(task.process().pid(), task.credentials()) : owner;
    }

    private static UserCredentials real(int pid, Credentials credentials) {
        return new UserCredentials(pid, credentials.uid(), credentials.gid());
    }

    private static UserCredentials claimed(List<SocketMessage.Control> controls, SocketCaller caller) throws ErrnoException {
        UserCredentials claimed = null;
        for (SocketMessage.Control control : controls) {
            if (control.level() != Socket.SOL_SOCKET) {
                continue;
            }
            if (control.type() != Socket.SCM_CREDENTIALS || control.data().length != UserCredentials.BYTES) {
                throw EINVAL.error();
            }
            claimed = UserCredentials.CODEC.read(MemorySegment.ofArray(control.data()), 0);
            check(claimed, caller.processId(), caller.credentials());
        }
        return claimed;
    }

    private static void check(UserCredentials claimed, int pid, Credentials own) throws ErrnoException {
        if (claimed.uid() == -1 || claimed.gid() == -1) {
            throw EINVAL.error();
        }
        boolean pidOk = claimed.pid() == pid || own.has(Capability.CAP_SYS_ADMIN);
        boolean uidOk = claimed.uid() == own.uid() || claimed.uid() == own.euid() || claimed.uid() == own.suid()
                || own.has(Capability.CAP_SETUID);
        boolean gidOk = claimed.gid() == own.gid() || claimed.gid() == own.egid() || claimed.gid() == own.sgid()
                || own.has(Capability.CAP_SETGID);
        if (!pidOk || !uidOk || !gidOk) {
            throw EPERM.error();
        }
        if (claimed.pid() != pid && JobControl.current() instanceof Task task && task.pidNamespace().task(claimed.pid()) == null) {
            throw ESRCH.error();
        }
    }
}
