package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Every program of {@code programs/} and every script of {@code scripts/} runs natively, where it must pass, and then on each platform;
 * output and status must be the same. A program says with its own checks what is right; the comparison catches the rest.
 */
final class GuestProgramsIT {
    /** What commands show natively. A platform after the other is compared with one native run. */
    private static final Map<List<String>, Outcome> NATIVE = new ConcurrentHashMap<>();

    @TestFactory
    Stream<DynamicTest> programs() throws IOException {
        return sources("programs", ".c").flatMap(source -> Platforms.all().map(platform -> DynamicTest.dynamicTest(
                name(source) + " on " + platform, () -> compare(platform, List.of(GuestCompiler.compiled(source).toString())))));
    }

    @TestFactory
    Stream<DynamicTest> scripts() throws IOException {
        return sources("scripts", ".sh").flatMap(source -> Platforms.all().map(platform -> DynamicTest.dynamicTest(
                name(source) + " on " + platform, () -> compare(platform, List.of(interpreter(source), source.toString())))));
    }

    /** What takes minutes: whole trees, and servers and tools that not every machine has ("verify --full"). */
    @TestFactory
    @EnabledIfSystemProperty(named = "caisson.full", matches = "true")
    Stream<DynamicTest> fullPrograms() throws IOException {
        return sources("full", ".sh").flatMap(source -> Platforms.all().map(platform -> DynamicTest.dynamicTest(
                name(source) + " on " + platform, () -> compare(platform, List.of(interpreter(source), source.toString())))));
    }

    private static void compare(String platform, List<String> command) throws IOException, InterruptedException {
        Platforms.assumeUsable(platform);
        Outcome expected = NATIVE.get(command);
        if (expected == null) {
            expected = Runner.natively(command);
            NATIVE.put(command, expected);
        }
        Outcome shown = expected;
        assertEquals(0, expected.status(), () -> "the program does not pass natively: " + shown);
        Outcome actual = Runner.inCaisson(platform, command);
        assertEquals(expected.toString(), actual.toString());
    }

    private static Stream<Path> sources(String folder, String suffix) throws IOException {
        try (Stream<Path> files = Files.list(Runner.MODULE.resolve(folder))) {
            return files.filter(file -> file.toString().endsWith(suffix)).sorted().toList().stream();
        }
    }

    private static String name(Path source) {
        return source.getFileName().toString();
    }

    /** A script names its interpreter in its first line. */
    private static String interpreter(Path script) throws IOException {
        String first = Files.readAllLines(script).getFirst();
        assertTrue(first.startsWith("#!/"), () -> script + " has no #! line");
        return first.substring(2).strip();
    }
}
