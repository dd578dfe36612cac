package dev.caisson.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
    private final long address = memory.address();
    private final MemorySegment structure = memory.asSlice(STRUCTURE, PATH_BYTES);
    private final byte[] bytes = new byte[PATH_BYTES];
    private final long[] words = new long[4];

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

    /**
     * Fills the first four words of the page for structures.
     *
     * @return its address
     */
    long structure(long first, long second, long third, long fourth) {
        words[0] = first;
        words[1] = second;
        words[2] = third;
        words[3] = fourth;
        HostBytes.writeWords(address + STRUCTURE, words, words.length);
        return address + STRUCTURE;
    }

    /** {@return the address of a page for structures} */
    long structureAddress() {
        return address + STRUCTURE;
    }

    /** {@return the bytes at the place of the first path as a string} */
    String text(long lengthBytes) {
        byte[] bytes = new byte[(int) lengthBytes];
        HostBytes.read(address + FIRST, bytes, 0, bytes.length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    long firstAddress() {
        return address + FIRST;
    }

    @SuppressWarnings("deprecation") // it takes the low bytes of the chars, which is what is wanted here, without an array for them
    private long put(String path, long at) {
        int length = path.length();
        if (length >= PATH_BYTES || path.indexOf('\0') >= 0) {
            return 0;
        }
        path.getBytes(0, length, bytes, 0);
        bytes[length] = 0;
        HostBytes.write(address + at, bytes, 0, length + 1);
        return address + at;
    }
}
