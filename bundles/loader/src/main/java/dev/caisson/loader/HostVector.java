package dev.caisson.loader;

import dev.caisson.abi.Layouts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** The auxiliary vector of this JVM: guest code runs on the same processor, so what it says about that holds for guests. */
final class HostVector {
    private static final byte[] VECTOR = read();

    private HostVector() {}

    private static byte[] read() {
        try {
            return Files.readAllBytes(Path.of("/proc/self/auxv"));
        } catch (IOException unreadable) {
            // A confined JVM may not see /proc: programs then probe the processor themselves.
            return new byte[0];
        }
    }

    /**
     * One value.
     *
     * @param type {@code AT_*}
     * @param otherwise when there is none
     * @return the value
     */
    static long value(int type, long otherwise) {
        MemorySegment bytes = MemorySegment.ofArray(VECTOR);
        for (long at = 0; at + 16 <= bytes.byteSize(); at += 16) {
            if (bytes.get(Layouts.U64, at) == type) {
                return bytes.get(Layouts.U64, at + 8);
            }
        }
        return otherwise;
    }
}
