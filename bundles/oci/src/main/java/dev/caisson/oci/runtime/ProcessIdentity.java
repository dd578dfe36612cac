package dev.caisson.oci.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/**
 * A process of the host that is not taken for a later one with its number.
 *
 * @param pid its number
 * @param startTicks when it started, in clock ticks after boot (field 22 of /proc/PID/stat, proc(5))
 */
public record ProcessIdentity(long pid, long startTicks) {
    private static final int STATE = 0, START = 19; // of what follows the name
    private static final long STEP_NS = 5_000_000;
    /** No process. */
    public static final ProcessIdentity NONE = new ProcessIdentity(0, 0);

    /** {@return this process} */
    public static ProcessIdentity own() {
        return of(ProcessHandle.current().pid());
    }

    /**
     * A process that lives now.
     *
     * @param pid its number
     * @return its identity, or {@link #NONE} when there is no such process
     */
    public static ProcessIdentity of(long pid) {
        String[] fields = fields(pid);
        return fields == null ? NONE : new ProcessIdentity(pid, Long.parseLong(fields[START]));
    }

    /** {@return whether it lives: a zombie does not} */
    public boolean isAlive() {
        String[] fields = pid == 0 ? null : fields(pid);
        return fields != null && Long.parseLong(fields[START]) == startTicks && !fields[STATE].equals("Z") && !fields[STATE].equals("X");
    }

    /**
     * Waits until it does not live.
     *
     * @param patienceMs how long at most
     */
    public void awaitEnd(long patienceMs) {
        long deadline = System.nanoTime() + patienceMs * 1_000_000;
        while (isAlive() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(STEP_NS);
        }
    }

    private static String[] fields(long pid) {
        try {
            String text = new String(Files.readAllBytes(Path.of("/proc/" + pid + "/stat")), StandardCharsets.ISO_8859_1);
            return text.substring(text.lastIndexOf(')') + 2).split(" "); // the name may hold anything
        } catch (IOException e) {
            return null; // it went away, before or while it was read
        }
    }
}
