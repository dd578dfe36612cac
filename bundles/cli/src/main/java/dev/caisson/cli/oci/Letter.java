package dev.caisson.cli.oci;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The memory file in which {@link ExecProgram} sends a command line, and in which it finds what it has to know. On the way there: the number of its
 * process, 8 bytes, and words, each ended by a byte 0. On the way back texts at fixed places, each followed by zeros or the end of the file.
 *
 * @param file the memory file
 * @param pid number of the process that will stand for a process of the guest
 * @param words of the line, one byte per character
 */
record Letter(int file, int pid, List<String> words) {
    /** Where the texts lie: what the process is to be called, its network namespace, and the files of its control group that tell of lack of memory. */
    static final int TITLE = 0, NETWORK = 4096, LIMIT = 8192, USAGE = 12288;
    /** How much of a text is read: a title goes on without the rest, which is not there for paths. */
    static final int MOST_TITLE = 4000, MOST_PATH = 2000;
    /** As the network namespace: a new one. */
    static final String NEW = "*";

    /** An argument list of the host is 6 MiB at most, execve(2). */
    private static final int MOST_BYTES = 8 << 20;
    private static final int PID_BYTES = 8;

    /**
     * Reads one.
     *
     * @param file stays the caller's
     * @return what it says
     * @throws IOException when it is none
     */
    static Letter read(int file) throws IOException {
        byte[] bytes = bytes(file);
        if (bytes.length < PID_BYTES) {
            throw new IOException("no line");
        }
        List<String> words = new ArrayList<>();
        int from = PID_BYTES;
        for (int at = from; at < bytes.length; at++) {
            if (bytes[at] == 0) {
                words.add(new String(bytes, from, at - from, StandardCharsets.ISO_8859_1));
                from = at + 1;
            }
        }
        return new Letter(file, MemorySegment.ofArray(bytes).get(Layouts.U32, 0), words);
    }

    /**
     * Reads a regular file from its start.
     *
     * @param file stays the caller's
     * @return its bytes
     * @throws IOException when it is too long or cannot be read
     */
    static byte[] bytes(int file) throws IOException {
        long size = HostFile.size(file);
        if (size < 0 || size > MOST_BYTES) {
            throw new IOException("too long: " + size);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(1, size));
            long done = 0;
            while (done < size) {
                long count = HostFile.pread(file, buffer.address() + done, size - done, done);
                if (count <= 0) {
                    throw new IOException("cannot be read: " + (count == 0 ? "it became shorter" : Errno.of(-count).text()));
                }
                done += count;
            }
            return buffer.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Forgets the line, which makes room for the way back. */
    void clear() {
        HostFile.truncate(file, 0);
    }

    /**
     * Writes a text.
     *
     * @param place one of those above
     * @param text what to write; of a title, the beginning is enough
     * @throws IOException when a path is too long
     */
    void write(int place, String text) throws IOException {
        byte[] bytes = text.replace('\0', ' ').getBytes(StandardCharsets.UTF_8);
        if (place != TITLE && bytes.length > MOST_PATH) {
            throw new IOException("too long: " + text);
        }
        byte[] shown = Arrays.copyOf(bytes, Math.min(bytes.length, MOST_TITLE) + 1);
        try (Arena arena = Arena.ofConfined()) {
            HostFile.pwrite(file, arena.allocateFrom(ValueLayout.JAVA_BYTE, shown).address(), shown.length, place);
        }
    }
}
