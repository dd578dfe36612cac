package dev.caisson.host;

import dev.caisson.host.raw.NativeMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What lists of processes show for this one, in place of the words it was started with. */
public final class HostTitle {
    /** Of what follows the name in /proc/PID/stat, proc(5): arg_start and arg_end. */
    private static final int START = 45, END = 46;

    private HostTitle() {}

    /**
     * Writes over the words that this process was started with, as setproctitle(3) does elsewhere. The Java runtime has copied what it needs of
     * them.
     *
     * @param title what to show; cut to the room that there is
     * @return whether that worked
     */
    public static boolean set(String title) {
        long start;
        long length;
        try {
            String stat = new String(Files.readAllBytes(Path.of("/proc/self/stat")), StandardCharsets.ISO_8859_1);
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).strip().split(" "); // the name may hold anything
            start = Long.parseLong(fields[START]);
            length = Long.parseLong(fields[END]) - start;
        } catch (IOException | ArrayIndexOutOfBoundsException | NumberFormatException e) {
            return false; // no /proc here
        }
        if (start == 0 || length <= 1) {
            return false; // the kernel does not tell
        }
        byte[] bytes = title.getBytes(StandardCharsets.UTF_8);
        int count = (int) Math.min(bytes.length, length - 1);
        // The stack of the first thread, which stays as long as the process does.
        MemorySegment words = NativeMemory.segment(start, length);
        words.fill((byte) 0); // the last byte must stay one, or the title would go on into the environment
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, words, 0, count);
        return true;
    }
}
