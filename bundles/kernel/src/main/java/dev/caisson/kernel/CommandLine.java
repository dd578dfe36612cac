package dev.caisson.kernel;

import dev.caisson.memory.AddressLayout;
import dev.caisson.memory.MemoryManager;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** What programs were started with, as it stands in their own memory now: they may have changed it. */
public final class CommandLine {
    private static final long LONGEST = 2 << 20;

    private CommandLine() {}

    /**
     * The words of a program's command line, as /proc/PID/cmdline has them.
     *
     * @param task a thread of it
     * @return words, each with its NUL; empty for a process without memory
     */
    public static String arguments(Task task) {
        MemoryManager memory = task.memory();
        if (memory == null) {
            return "";
        }
        AddressLayout layout = memory.layout();
        String text = fetch(memory, layout.argumentsStart, layout.argumentsEnd);
        if (text.isEmpty() || text.charAt(text.length() - 1) == 0) {
            return text;
        }
        // setproctitle(3) wrote over the last NUL: the title goes on into the environment.
        String rest = fetch(memory, layout.argumentsEnd, layout.environmentEnd);
        int end = rest.indexOf(0);
        return text + (end < 0 ? rest : rest.substring(0, end));
    }

    /**
     * The environment with which a program was started, as /proc/PID/environ has it.
     *
     * @param memory of the program
     * @return entries, each with its NUL
     */
    public static String environment(MemoryManager memory) {
        return fetch(memory, memory.layout().environmentStart, memory.layout().environmentEnd);
    }

    private static String fetch(MemoryManager memory, long start, long end) {
        if (start == 0 || end <= start) {
            return "";
        }
        byte[] bytes = new byte[(int) Math.min(end - start, LONGEST)];
        long got = memory.copyInSome(start, MemorySegment.ofArray(bytes), 0, bytes.length);
        return new String(bytes, 0, (int) got, StandardCharsets.ISO_8859_1);
    }
}
