package dev.caisson.kernel.syscall;

import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.memory.MemoryManager;
import java.util.function.Consumer;

/**
 * Writes one line per system call, in the manner of strace(1): {@code [pid tid] name(arguments) = result}. It changes nothing the guest
 * could see: memory is looked at where it is, and not brought in.
 */
public final class SyscallTracer {
    private final Consumer<String> sink;

    /**
     * Makes a tracer.
     *
     * @param sink takes lines without a line end, from many threads; characters are bytes
     */
    public SyscallTracer(Consumer<String> sink) {
        this.sink = sink;
    }

    /** One call under way. */
    public final class Call {
        private final Task task;
        private final MemoryManager memory;
        private final TracedCall traced;

        private Call(Task task, SyscallRow row, long number, long[] values) {
            this.task = task;
            this.memory = task.memory();
            this.traced = new TracedCall(memory::peek, row, number, values);
        }

        /**
         * The call has an answer.
         *
         * @param result a value, a negated error number, or a negated restart code
         */
        public void returned(long result) {
            write(task, traced.returned(result, task.memory() == memory));
        }

        /** The caller does not come back from this call. */
        public void gone() {
            write(task, traced.gone());
        }
    }

    private void write(Task task, String line) {
        sink.accept("[" + task.process().pid() + " " + task.tid() + "] " + line);
    }

    /**
     * A signal arrives: {@code --- SIGINT {...} ---}.
     *
     * @param task the receiver
     * @param info the signal
     */
    public void signal(Task task, SignalInfo info) {
        write(task, "--- " + SignalStructures.describe(info) + " ---");
    }

    /**
     * A task ends: {@code +++ exited with 0 +++}.
     *
     * @param task the task
     * @param status as wait(2) tells it
     */
    public void ended(Task task, int status) {
        int signal = status & 0x7f;
        write(task, signal != 0 ? "+++ killed by " + SignalStructures.name(signal) + " +++" : "+++ exited with " + (status >> 8) + " +++");
    }

    /**
     * A call begins.
     *
     * @param task the caller
     * @param row its row, or null for an unknown number
     * @param number the number
     * @param args its arguments
     * @return the call, to be ended by {@link Call#returned} or {@link Call#gone}
     */
    public Call enter(Task task, SyscallRow row, long number, SyscallArgs args) {
        long[] values = new long[6];
        for (int i = 0; i < values.length; i++) {
            values[i] = args.value(i);
        }
        return new Call(task, row, number, values);
    }
}
