package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * A while of random system calls with random arguments (a minute on ptrace, less on the others, which meet the same kernel): nothing is
 * said twice in the log, nothing hangs, nothing breaks. The seed is fixed; {@code -Dcaisson.fuzz.seed=N} and
 * {@code -Dcaisson.fuzz.seconds=N} ask for other calls, or for more.
 */
final class FuzzIT extends OnEachPlatform {
    private static final long SEED = Long.getLong("caisson.fuzz.seed", 20251);
    private static final int SECONDS = Integer.getInteger("caisson.fuzz.seconds", 0);

    @Test
    void randomSystemCallsBreakNothing() throws IOException, InterruptedException {
        int seconds = SECONDS != 0 ? SECONDS : platform.equals("ptrace") ? 60 : 20;
        System.out.println("fuzz on " + platform + ": seed " + SEED + ", " + seconds + " s");
        Path fuzz = GuestCompiler.compiled(Path.of("hostile", "fuzz.c"));
        Path log = Files.createTempFile("caisson-fuzz", ".log");
        try {
            Outcome outcome = Runner.shell("$CAISSON do --memory 1G --log " + log + " -- " + fuzz + " " + SEED + " " + seconds, seconds + 240);
            List<String> lines = Files.readAllLines(log);
            String tail = String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()));
            assertEquals("survived\n", outcome.output(), () -> outcome + "\n" + tail);
            assertEquals(0, outcome.status(), outcome::toString);
            for (String line : lines) {
                assertFalse(line.contains("Exception") || line.contains("ERROR") || line.startsWith("\tat "), tail);
            }
            Map<String, Long> kinds = lines.stream().map(FuzzIT::kind)
                    .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
            kinds.forEach((kind, count) -> assertTrue(count == 1, () -> count + " times: " + kind));
        } finally {
            Files.delete(log);
        }
    }

    /** Without what differs between two lines of one kind; each unknown number is a kind of its own. */
    private static String kind(String line) {
        String text = line.replaceFirst("^.*?(?=INFO|WARN|DEBUG|ERROR)", "");
        return text.contains("unknown system call") ? text : text.replaceAll("0x[0-9a-f]+|\\d+", "#");
    }
}
