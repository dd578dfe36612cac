package dev.caisson.abi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Constants have the values of the headers. */
final class ConstantsTest {
    private static final List<Class<?>> CLASSES = List.of(Capability.class, Elf.class, Fcntl.class, Futex.class, Ipc.class, Mman.class,
            Mount.class, Poll.class, Prctl.class, Resource.class, Sched.class, SignalCodes.class, Signals.class, Socket.class,
            Stat.class, Terminal.class, Time.class, Wait.class);

    /** What the kernel sees differs from what a program's headers say. */
    private static final Map<String, Long> KERNEL_VALUES = Map.of(
            "SIGRTMIN", 32L); // the C library keeps the first two for itself

    @Test
    void constantsHaveTheValuesOfTheHeaders() throws IllegalAccessException {
        Map<String, Long> golden = new HashMap<>();
        for (String line : Golden.lines("constants.golden")) {
            golden.put(line.substring(0, line.indexOf(' ')), Long.valueOf(line.substring(line.indexOf(' ') + 1)));
        }
        golden.putAll(KERNEL_VALUES);
        List<String> wrong = new ArrayList<>();
        int compared = 0;
        for (Class<?> type : CLASSES) {
            for (Field field : type.getDeclaredFields()) {
                if (!Modifier.isPublic(field.getModifiers()) || !Modifier.isStatic(field.getModifiers())
                        || !field.getType().isPrimitive() || !golden.containsKey(field.getName())) {
                    continue;
                }
                compared++;
                long expected = golden.get(field.getName());
                // An int constant stands for a bit pattern: 0x80000000 is the unsigned value of the headers.
                boolean same = field.getType() == int.class ? field.getInt(null) == (int) expected : field.getLong(null) == expected;
                if (!same) {
                    wrong.add(type.getSimpleName() + "." + field.getName() + " is " + field.get(null) + ", not " + expected);
                }
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(compared > 1000, "compared " + compared);
    }

    @Test
    void errorsHaveTheNumbersAndTextsOfTheCLibrary() {
        Set<String> seen = new HashSet<>();
        for (String line : Golden.lines("errnos.golden")) {
            String[] words = line.split(" ", 3);
            Errno errno = Errno.of(Integer.parseInt(words[1]));
            assertEquals(words[2], errno.text(), words[0]);
            assertEquals(Integer.parseInt(words[1]), errno.number(), words[0]);
            seen.add(errno.name());
        }
        for (Errno errno : Errno.values()) {
            assertTrue(seen.contains(errno.name()) || errno.number() >= 512, errno + " is not in errno.h");
        }
    }

    @Test
    void eachErrorHasOneSharedExceptionWithoutAStack() {
        for (Errno errno : Errno.values()) {
            assertEquals(errno, errno.error().errno());
            assertEquals(0, errno.error().getStackTrace().length);
        }
    }

    @Test
    void resultsInTheKernelsConventionBecomeErrors() throws ErrnoException {
        assertEquals(7, Errno.check(7));
        assertEquals(-4096, Errno.check(-4096), "an address, not an error");
        try {
            Errno.check(-14);
            throw new AssertionError("no exception");
        } catch (ErrnoException e) {
            assertEquals(Errno.EFAULT, e.errno());
        }
    }
}
