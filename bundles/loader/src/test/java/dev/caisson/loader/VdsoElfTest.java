package dev.caisson.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reads the vDSO the way C libraries do: by its dynamic section alone. */
class VdsoElfTest {
    private static final int PARAMETERS = -4096;
    private final ByteBuffer image = ByteBuffer.wrap(new VdsoElf(PARAMETERS).bytes()).order(ByteOrder.LITTLE_ENDIAN);

    private int dynamicSection() {
        long table = image.getLong(32);
        for (int i = 0; i < image.getShort(56); i++) {
            int header = (int) table + 56 * i;
            if (image.getInt(header) == 2) {
                return (int) image.getLong(header + 16);
            }
        }
        throw new AssertionError("no PT_DYNAMIC");
    }

    private long dynamic(long tag) {
        for (int at = dynamicSection();; at += 16) {
            if (image.getLong(at) == tag) {
                return image.getLong(at + 8);
            }
            if (image.getLong(at) == 0) {
                throw new AssertionError("no dynamic entry " + Long.toHexString(tag));
            }
        }
    }

    private String text(long at) {
        StringBuilder text = new StringBuilder();
        for (int i = (int) at; image.get(i) != 0; i++) {
            text.append((char) image.get(i));
        }
        return text.toString();
    }

    /** Address of a function, found through the hash table, or null. */
    private Long lookup(String name, String version) {
        int hash = (int) dynamic(4);
        int buckets = image.getInt(hash);
        int chain = hash + 8 + 4 * buckets;
        for (int symbol = image.getInt(hash + 8 + 4 * Integer.remainderUnsigned(VdsoElf.elfHash(name), buckets)); symbol != 0;
                symbol = image.getInt(chain + 4 * symbol)) {
            int entry = (int) dynamic(6) + 24 * symbol;
            if (text(dynamic(5) + image.getInt(entry)).equals(name)
                    && versionName(image.getShort((int) dynamic(0x6ffffff0L) + 2 * symbol)).equals(version)) {
                return image.getLong(entry + 8);
            }
        }
        return null;
    }

    private String versionName(int index) {
        for (int at = (int) dynamic(0x6ffffffcL);; at += image.getInt(at + 16)) {
            if (image.getShort(at + 4) == index) {
                String name = text(dynamic(5) + image.getInt(at + image.getInt(at + 12)));
                assertEquals(VdsoElf.elfHash(name), image.getInt(at + 8), "hash of " + name);
                return name;
            }
            assertTrue(image.getInt(at + 16) != 0, "no version " + index);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"clock_gettime", "gettimeofday", "time", "clock_getres", "getcpu"})
    void functionsAreFoundByBothNames(String name) {
        Long plain = lookup(name, "LINUX_2.6");
        assertNotNull(plain);
        assertEquals(plain, lookup("__vdso_" + name, "LINUX_2.6"));
    }

    @Test
    void otherNamesAndVersionsAreNotFound() {
        assertNull(lookup("getpid", "LINUX_2.6"));
        assertNull(lookup("time", "LINUX_2.7"));
    }

    @Test
    void theCodeReadsTheParametersBeforeTheImage() {
        int start = Math.toIntExact(lookup("clock_gettime", "LINUX_2.6"));
        // lea r8, [rip + displacement]
        assertEquals(0x058d4c, image.getInt(start) & 0xffffff);
        assertEquals(PARAMETERS, start + 7 + image.getInt(start + 3));
    }

    @Test
    void theLoadedSegmentHoldsEverythingThatIsUsed() {
        long loaded = image.getLong(64 + 40);
        assertTrue(loaded <= VdsoElf.BYTES);
        assertTrue(lookup("getcpu", "LINUX_2.6") < loaded);
        assertTrue(dynamic(5) + dynamic(10) < loaded);
    }

    @Test
    void versionHashIsTheOneLibrariesCompareWith() {
        assertEquals(0x3ae75f6, VdsoElf.elfHash("LINUX_2.6"));
    }
}
