package dev.caisson.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Native memory of one thread for the path names and small structures of a single host call, so that calls allocate nothing.
 * What lies in it is good until the thread's next host call.
 */
final class Scratch {
    /** PATH_MAX of Linux, the terminating zero included. */
    static final int PATH_BYTES = 4096;

    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    private static final long FIRST = 0;
    private static final long SECOND = PATH_BYTES;
    private static final long STRUCTURE = 2 * PATH_BYTES;
    private static final long BYTES = 3 * PATH_BYTES;

    private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, 64);
    private final MemorySegment structure = memory.asSlice(STRUCTURE, PATH_BYTES);

    private Scratch() {}

    static Scratch mine() {
        return OF_THREAD.get();
    }

    /**
     * Writes a path name, terminated by zero.
     *
     * @return its address, or 0 if it is too long or has a zero inside
     */
    long path(String path) {
        return put(path, FIRST);
    }

    /** As {@link #path}, for the second one of a call. */
    long secondPath(String path) {
        return put(path, SECOND);
    }

    /** {@return a page for structures} */
    MemorySegment structure() {
        return structure;
    }

    /** {@return the address of a page for structures} */
    long structureAddress() {
        return structure.address();
    }

    /** {@return the bytes at the place of the first path as a string} */
    String text(long lengthBytes) {
        byte[] bytes = new byte[(int) lengthBytes];
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, FIRST, bytes, 0, bytes.length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    long firstAddress() {
        return memory.address() + FIRST;
    }

    private long put(String path, long at) {
        if (path.length() >= PATH_BYTES || path.indexOf('\0') >= 0) {
            return 0;
        }
        memory.setString(at, path, StandardCharsets.ISO_8859_1);
        return memory.address() + at;
    }
}
