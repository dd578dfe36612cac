package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code --platform auto} takes the best platform that works here, and says which and why. */
final class AutoPlatformIT {
    private static final Pattern DECISION = Pattern.compile("platform auto is (\\w+) \\((.*)\\)");
    private static final Pattern MEASURED = Pattern.compile("(\\w+): (\\d+) ns per event");

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("caisson-auto");
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        Runner.deleteTree(directory);
    }

    @Test
    void theFastestIsTakenAndTheLogSaysWhy() throws IOException, InterruptedException {
        Path log = directory.resolve("log");
        Outcome outcome = Runner.shell("$CAISSON do --log " + log + " --platform auto -- echo hello");
        assertEquals("hello\n", outcome.output(), outcome::toString);
        assertEquals("", outcome.errors());
        List<String> decisions = Files.readAllLines(log).stream().filter(line -> DECISION.matcher(line).find()).toList();
        assertEquals(1, decisions.size(), decisions::toString);
        Matcher decision = DECISION.matcher(decisions.getFirst());
        assertTrue(decision.find());
        String reasons = decision.group(2);
        Map<String, Long> measured = new HashMap<>();
        MEASURED.matcher(reasons).results().forEach(result -> measured.put(result.group(1), Long.parseLong(result.group(2))));
        for (String platform : Platforms.ALL) {
            assertTrue(measured.containsKey(platform) || reasons.contains("platform " + platform + " cannot be used here: ")
                    || reasons.contains("platform " + platform + " does not work here: "), () -> platform + " in " + reasons);
        }
        Long best = measured.get(decision.group(1));
        assertNotNull(best, reasons);
        measured.forEach((name, ns) -> assertTrue(best <= ns, () -> decisions.getFirst()));
    }

    @Test
    void aPlatformThatCannotWorkHereIsNotTaken() throws IOException, InterruptedException {
        // A home whose kvm looks for its device where there is none.
        Path home = Platforms.home("auto");
        Files.writeString(home.resolve("etc/caisson.kvm.cfg"), "device.path=" + directory + "/kvm\n");
        Path log = directory.resolve("log");
        Outcome outcome = Runner.shell(home.resolve("bin/caisson") + " do --log " + log + " -- echo hello");
        assertEquals("hello\n", outcome.output(), outcome::toString);
        String decision = Files.readAllLines(log).stream().filter(line -> DECISION.matcher(line).find()).findFirst().orElse("");
        assertTrue(decision.contains("platform kvm cannot be used here: "), decision);
        assertTrue(decision.contains("ptrace: ") && decision.contains("systrap: "), decision);
    }

    @Test
    void whatWasTakenIsShownAndCanBeChanged() throws IOException, InterruptedException {
        Process sandbox = Runner.start(directory, "exec $CAISSON --root " + directory + "/run do --id chosen --platform auto --"
                + " sh -c 'echo running; read line; echo $line'");
        try (BufferedReader output = sandbox.inputReader()) {
            assertEquals("running", output.readLine());
            String list = "$CAISSON --root " + directory + "/run list";
            Outcome table = Runner.shell(list);
            assertTrue(table.output().lines().skip(1).allMatch(line -> line.matches("chosen +\\d+ +running .* (ptrace|systrap|kvm) .*")),
                    table::toString);
            Outcome swapped = Runner.shell("$CAISSON --root " + directory + "/run swap chosen platform ptrace && " + list);
            assertTrue(swapped.output().contains("ptrace"), swapped::toString);
            Outcome again = Runner.shell("$CAISSON --root " + directory + "/run swap chosen platform auto");
            assertEquals(0, again.status(), again::toString);
            sandbox.outputWriter().append("still there\n").close();
            assertEquals("still there", output.readLine());
            assertEquals(0, sandbox.waitFor());
        } finally {
            Runner.end(sandbox);
        }
    }
}
