package dev.caisson.kernel.signal;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.spi.cred.Credentials;

/** Signals that one task sends to others: who may, kill(2), and what the receiver learns about the sender. */
public final class SignalSender {
    private SignalSender() {}

    /**
     * Checks that a task may send a signal (Linux: check_kill_permission).
     *
     * @param sender who sends
     * @param target one thread of the receiver
     * @param signal 0 to 64
     * @throws ErrnoException EINVAL for no signal number, EPERM
     */
    public static void check(Task sender, Task target, int signal) throws ErrnoException {
        if (signal < 0 || signal > Signals.SIGRTMAX) {
            throw EINVAL.error("not a signal");
        }
        if (sender.process() == target.process()) {
            return;
        }
        Credentials own = sender.credentials();
        Credentials other = target.credentials();
        if (own.euid() == other.suid() || own.euid() == other.uid() || own.uid() == other.suid() || own.uid() == other.uid()
                || own.has(Capability.CAP_KILL)) {
            return;
        }
        if (signal == Signals.SIGCONT && sender.process().session() == target.process().session()) {
            return;
        }
        throw EPERM.error();
    }

    /**
     * Sends a signal to a process.
     *
     * @param sender who sends
     * @param target the receiver
     * @param signal 0 to 64; 0 only checks
     * @param given what rt_sigqueueinfo(2) was given, or null for kill(2)
     * @throws ErrnoException EINVAL, EPERM, EAGAIN when too many signals are queued
     */
    public static void toProcess(Task sender, GuestProcess target, int signal, SignalInfo given) throws ErrnoException {
        Task leader = target.leader();
        check(sender, leader, signal);
        if (signal == 0) {
            return;
        }
        send(sender, target, null, signal, given, dev.caisson.abi.SignalCodes.SI_USER);
    }

    /**
     * Sends a signal to one thread.
     *
     * @param sender who sends
     * @param target the receiver
     * @param signal 0 to 64; 0 only checks
     * @param given what rt_tgsigqueueinfo(2) was given, or null for tgkill(2)
     * @throws ErrnoException EINVAL, EPERM, EAGAIN when too many signals are queued
     */
    public static void toThread(Task sender, Task target, int signal, SignalInfo given) throws ErrnoException {
        check(sender, target, signal);
        if (signal == 0) {
            return;
        }
        send(sender, target.process(), target.signals(), signal, given, dev.caisson.abi.SignalCodes.SI_TKILL);
    }

    private static void send(Task sender, GuestProcess target, SignalState thread, int signal, SignalInfo given, int code)
            throws ErrnoException {
        PidNamespace viewer = target.identity().namespace();
        int pid = sender.process().identity().in(viewer);
        SignalInfo info = given != null ? given : SignalInfo.sent(signal, code, pid, sender.credentials().uid());
        if (!target.signals().send(info, thread, pid == 0)) {
            throw EAGAIN.error("too many queued signals");
        }
    }

    /**
     * kill(2).
     *
     * @param sender who sends
     * @param pid whom: a process, 0 for the own group, -1 for everybody, below that a group
     * @param signal 0 to 64; 0 only checks
     * @throws ErrnoException ESRCH, EINVAL, EPERM
     */
    public static void kill(Task sender, int pid, int signal) throws ErrnoException {
        PidNamespace namespace = sender.pidNamespace();
        if (pid > 0) {
            toProcess(sender, process(namespace, pid), signal, null);
        } else if (pid == -1) {
            everybody(sender, signal);
        } else {
            var group = pid == 0 ? sender.process().group() : namespace.group(-pid);
            if (group == null) {
                throw ESRCH.error();
            }
            group(sender, group.members(), signal);
        }
    }

    /**
     * The process that a number names; any of its threads will do.
     *
     * @param namespace where the number counts
     * @param pid positive
     * @return the process, possibly a zombie
     * @throws ErrnoException ESRCH
     */
    public static GuestProcess process(PidNamespace namespace, int pid) throws ErrnoException {
        GuestProcess process = namespace.process(pid);
        if (process == null) {
            Task task = namespace.task(pid);
            if (task == null) {
                throw ESRCH.error();
            }
            process = task.process();
        }
        return process;
    }

    private static void group(Task sender, Iterable<GuestProcess> members, int signal) throws ErrnoException {
        ErrnoException refused = ESRCH.error();
        boolean sent = false;
        for (GuestProcess member : members) {
            try {
                toProcess(sender, member, signal, null);
                sent = true;
            } catch (ErrnoException e) {
                refused = e;
            }
        }
        if (!sent) {
            throw refused;
        }
    }

    private static void everybody(Task sender, int signal) throws ErrnoException {
        boolean any = false;
        ErrnoException result = null;
        PidNamespace namespace = sender.pidNamespace();
        for (GuestProcess process : namespace.processes()) {
            if (process == sender.process() || process.identity().in(namespace) <= 1) {
                continue;
            }
            any = true;
            try {
                toProcess(sender, process, signal, null);
                result = null;
            } catch (ErrnoException e) {
                // As in Linux, those who may not be signalled do not count.
                if (e.errno() != EPERM) {
                    result = e;
                }
            }
        }
        if (!any) {
            throw ESRCH.error();
        }
        if (result != null) {
            throw result;
        }
    }
}
