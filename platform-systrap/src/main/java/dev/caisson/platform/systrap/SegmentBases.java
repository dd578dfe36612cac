package dev.caisson.platform.systrap;

import dev.caisson.abi.Layouts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether user code may read and write the bases of fs and gs itself (FSGSBASE). The stub has to, since it may make no call for it.
 * The host says so in its auxiliary vector: pairs of words {@code type[8] value[8]} up to type 0; AT_HWCAP2 has bit 1
 * (arch/x86/include/uapi/asm/hwcap2.h) since Linux 5.9, unless it was started with {@code nofsgsbase}.
 */
final class SegmentBases {
    private static final Logger log = LoggerFactory.getLogger(SegmentBases.class);
    private static final int AT_HWCAP2 = 26;
    private static final int HWCAP2_FSGSBASE = 2;
    private static final int PAIR = 16;

    private SegmentBases() {}

    /**
     * Refuses hosts where they are not for user code.
     *
     * @throws IllegalStateException that says what to do
     */
    static void require() {
        byte[] vector;
        try {
            vector = Files.readAllBytes(Path.of("/proc/self/auxv"));
        } catch (IOException e) {
            log.debug("cannot read the auxiliary vector: {}", e.toString());
            return; // a stub will show it by an illegal instruction
        }
        if (!areWritable(vector)) {
            throw new IllegalStateException("systrap needs FSGSBASE: Linux 5.9 or newer, started without nofsgsbase, on a processor of"
                + " 2012 or newer; set caisson.platform.name=ptrace instead");
        }
    }

    /**
     * Looks into an auxiliary vector.
     *
     * @param vector as in {@code /proc/self/auxv}
     * @return whether the host says they are
     */
    static boolean areWritable(byte[] vector) {
        MemorySegment words = MemorySegment.ofArray(vector);
        for (long at = 0; at + PAIR <= words.byteSize(); at += PAIR) {
            if (words.get(Layouts.U64, at) == AT_HWCAP2) {
                return (words.get(Layouts.U64, at + 8) & HWCAP2_FSGSBASE) != 0;
            }
        }
        return false;
    }
}
