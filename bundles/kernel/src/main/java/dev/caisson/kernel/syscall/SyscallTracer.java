package dev.caisson.kernel.syscall;

import dev.caisson.abi.Errno;
import dev.caisson.kernel.Task;
import java.util.List;
import java.util.function.Consumer;

/**
 * Writes one line per system call, in the manner of strace(1): {@code [pid tid] name(arguments) = result}. Arguments are read before the
 * call, since execve and the guest's other threads change them; outputs after it.
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
        private final SyscallRow row;
        private final long number;
        private final long[] values = new long[6];
        private final String[] texts = new String[6];

        private Call(Task task, SyscallRow row, long number) {
            this.task = task;
            this.row = row;
            this.number = number;
        }

        /**
         * The call has an answer.
         *
         * @param result a value, a negated error number, or a negated restart code
         */
        public void returned(long result) {
            format(true, result);
            StringBuilder line = start();
            line.append(" = ");
            if (result < 0 && result >= -4095) {
                Errno errno = Errno.of(result);
                line.append(errno.number() >= 512 ? "?" : "-1").append(' ').append(errno.name()).append(" (").append(errno.text()).append(')');
            } else if (result >= 0x10000000L || result < 0) {
                line.append("0x").append(Long.toHexString(result));
            } else {
                line.append(result);
            }
            sink.accept(line.toString());
        }

        /** The caller does not come back from this call. */
        public void gone() {
            sink.accept(start().append(" = ?").toString());
        }

        private StringBuilder start() {
            StringBuilder line = new StringBuilder(128);
            line.append('[').append(task.process().pid()).append(' ').append(task.tid()).append("] ");
            if (row == null) {
                return line.append("syscall_").append(number).append("()");
            }
            line.append(row.name()).append('(');
            List<Argument> arguments = row.arguments();
            for (int i = 0; i < arguments.size(); i++) {
                if (i > 0) {
                    line.append(", ");
                }
                line.append(texts[i] != null ? texts[i] : "");
            }
            return line.append(')');
        }

        private void format(boolean outputs, long result) {
            if (row == null) {
                return;
            }
            List<Argument> arguments = row.arguments();
            for (int i = 0; i < arguments.size(); i++) {
                Argument argument = arguments.get(i);
                if (outputs == (argument.kind() == Argument.Kind.OUTPUT)) {
                    StringBuilder text = new StringBuilder();
                    argument.write(text, task, values, i, result);
                    texts[i] = text.toString();
                }
            }
        }
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
        Call call = new Call(task, row, number);
        for (int i = 0; i < 6; i++) {
            call.values[i] = args.value(i);
        }
        call.format(false, 0);
        return call;
    }
}
