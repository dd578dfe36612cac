package dev.caisson.fs.proc;

import dev.caisson.abi.Sched;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskScheduling;

/** /proc/PID/sched: what of Linux's table there is to tell. */
final class SchedulingText {
    private static final int REAL_TIME_BASE = 99;
    private static final int NICE_BASE = 120;

    private SchedulingText() {}

    static String of(GuestProcess process, Task task) {
        TaskScheduling scheduling = task.scheduling();
        boolean realTime = scheduling.policy() == Sched.SCHED_FIFO || scheduling.policy() == Sched.SCHED_RR;
        long used = task.times().userNs() + task.times().systemNs();
        long voluntary = task.times().voluntarySwitches();
        long involuntary = task.times().involuntarySwitches();
        String title = task.comm() + " (" + task.tid() + ", #threads: " + process.tasks().size() + ")\n";
        StringBuilder text = new StringBuilder(600).append(title).append("-".repeat(67)).append('\n');
        row(text, "se.sum_exec_runtime", String.format("%d.%06d", used / 1_000_000, used % 1_000_000));
        row(text, "nr_switches", Long.toString(voluntary + involuntary));
        row(text, "nr_voluntary_switches", Long.toString(voluntary));
        row(text, "nr_involuntary_switches", Long.toString(involuntary));
        row(text, "policy", Integer.toString(scheduling.policy()));
        row(text, "prio", Integer.toString(realTime ? REAL_TIME_BASE - scheduling.priority() : NICE_BASE + scheduling.nice()));
        return text.toString();
    }

    private static void row(StringBuilder text, String name, String value) {
        text.append(String.format("%-45s:%21s\n", name, value));
    }
}
