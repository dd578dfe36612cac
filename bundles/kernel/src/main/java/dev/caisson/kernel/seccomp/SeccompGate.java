package dev.caisson.kernel.seccomp;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Seccomp;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskState;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.spi.platform.Registers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries out what filters say about a system call, at its entry (Linux: __secure_computing). */
public final class SeccompGate {
    private static final Logger log = LoggerFactory.getLogger(SeccompGate.class);
    private static final int MAX_ERRNO = 4095;

    private SeccompGate() {}

    /**
     * Decides about a call.
     *
     * @param task the caller
     * @param state its filters
     * @param number the system call
     * @return how the task goes on without the call, whose result is set; null when the call is to be carried out
     */
    public static TaskState enter(Task task, SeccompState state, int number) {
        if (state.allowsWithoutLooking(number)) {
            return null;
        }
        if (state.mode() == Seccomp.SECCOMP_MODE_STRICT) {
            return SeccompState.isStrictlyAllowed(number) ? null : endThread(task, Signals.SIGKILL, number);
        }
        return enter(task, state, number, false);
    }

    private static TaskState enter(Task task, SeccompState state, int number, boolean isTracerAsked) {
        Registers registers = task.registers();
        int answer = state.ask(number, registers);
        int data = answer & Seccomp.SECCOMP_RET_DATA;
        switch (answer & Seccomp.SECCOMP_RET_ACTION_FULL) {
            case Seccomp.SECCOMP_RET_ALLOW -> {
                return null;
            }
            case Seccomp.SECCOMP_RET_LOG -> {
                log.debug("{}: a filter allows and logs system call {}", task, number);
                return null;
            }
            case Seccomp.SECCOMP_RET_ERRNO -> registers.rax(-Math.min(data, MAX_ERRNO));
            case Seccomp.SECCOMP_RET_TRAP -> {
                // The call never happened: the handler sees its number in rax.
                registers.rax(number);
                trap(task, number, data, false);
            }
            case Seccomp.SECCOMP_RET_TRACE -> {
                return isTracerAsked ? null : askTracer(task, state, data);
            }
            case Seccomp.SECCOMP_RET_USER_NOTIF -> registers.rax(-Errno.ENOSYS.number()); // nobody listens
            case Seccomp.SECCOMP_RET_KILL_THREAD -> {
                if (task.process().threadCount() > 1) {
                    return endThread(task, Signals.SIGSYS, number);
                }
                kill(task, number, data);
            }
            default -> kill(task, number, data);
        }
        return TaskState.RESUME;
    }

    /** The tracer decides. It may change the call, about which the other filters are asked again. */
    private static TaskState askTracer(Task task, SeccompState state, int data) {
        Tracee tracee = task.tracee();
        if (tracee == null || !tracee.reports(Ptrace.PTRACE_EVENT_SECCOMP)) {
            task.registers().rax(-Errno.ENOSYS.number());
            return TaskState.RESUME;
        }
        tracee.event(Ptrace.PTRACE_EVENT_SECCOMP, data);
        int number = (int) task.registers().origRax();
        return task.isKilled() || number < 0 ? TaskState.RESUME : enter(task, state, number, true);
    }

    private static void kill(Task task, int number, int data) {
        log.debug("{}: a filter ends the process at system call {}", task, number);
        task.registers().rax(number);
        trap(task, number, data, true);
    }

    private static void trap(Task task, int number, int data, boolean fatal) {
        task.signals().process().force(task.signals(),
                SignalInfo.seccomp(task.registers().rip(), number, Seccomp.AUDIT_ARCH_X86_64, data), fatal);
    }

    private static TaskState endThread(Task task, int signal, int number) {
        log.debug("{}: a filter ends the thread at system call {}", task, number);
        task.exitStatus(signal);
        return TaskState.EXIT;
    }
}
