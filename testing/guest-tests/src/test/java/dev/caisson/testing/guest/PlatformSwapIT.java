package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Programs run while an operator changes the platform below them; they do not notice. */
@Timeout(value = 15, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PlatformSwapIT {
    private static final int SWAPS = 200;

    private SwappedSandbox sandbox;

    @BeforeEach
    void makeSandbox() throws IOException {
        sandbox = new SwappedSandbox();
    }

    @AfterEach
    void closeSandbox() throws IOException {
        sandbox.close();
    }

    // ---- programs that end with their input

    @Test
    void aProgramWithAllKindsOfStateSurvivesSwaps() throws IOException, InterruptedException {
        survives(GuestCompiler.compiled(Path.of("swap/everything.c")).toString(), "11 threads");
    }

    @Test
    void aStormOfProcessesSurvivesSwaps() throws IOException, InterruptedException {
        survives(GuestCompiler.compiled(Path.of("swap/storm.c")).toString(), "a storm of processes");
    }

    // ---- programs that end when a file is there

    @Test
    void aServerAndItsBenchmarkSurviveSwaps() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v redis-check-rdb && command -v redis-benchmark").status() == 0, "redis is not installed");
        survivesUntilStopped("swap/redis.sh", "redis");
    }

    @Test
    void aParallelBuildSurvivesSwaps() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v make").status() == 0, "make is not installed");
        survivesUntilStopped("swap/make.sh", "make -j2");
    }

    private void survives(String program, String what) throws IOException, InterruptedException {
        Outcome expected = Runner.natively(List.of(program));
        swapDuring(program, expected, what, () -> { });
    }

    private void survivesUntilStopped(String script, String what) throws IOException, InterruptedException {
        String command = "sh " + Runner.MODULE.resolve(script) + " " + sandbox.directory;
        Path stop = Files.createFile(sandbox.directory.resolve("stop"));
        Outcome expected = Runner.shell(command);
        Files.delete(stop);
        swapDuring(command, expected, what, () -> Files.createFile(stop));
    }

    /** What tells the program that it may end. */
    private interface End {
        void tell() throws IOException;
    }

    private void swapDuring(String command, Outcome expected, String what, End end) throws IOException, InterruptedException {
        assertEquals(0, expected.status(), expected::toString);
        BufferedReader output = sandbox.start(command);
        StringBuilder seen = new StringBuilder(output.readLine()).append('\n');
        sandbox.swapAtRandom(SWAPS);
        end.tell();
        sandbox.finish(seen);
        assertEquals(expected.output(), seen.toString());
        assertEquals(0, sandbox.status());
        sandbox.report(what);
    }

    // ---- the command

    @Test
    void anUnknownPlatformIsRefusedAndTheProgramGoesOn() throws IOException, InterruptedException {
        BufferedReader output = sandbox.start("sh -c 'echo running; read line; echo $line'");
        assertEquals("running", output.readLine());
        Outcome refused = Runner.shell("$CAISSON --root " + sandbox.directory + "/run swap swapped platform nosuch");
        assertEquals(125, refused.status());
        assertTrue(refused.errors().contains("no platform named nosuch; there are: auto, "), refused::toString);
        sandbox.process().outputWriter().append("still there\n").close();
        assertEquals("still there", output.readLine());
        assertEquals(0, sandbox.status());
    }

    @Test
    void runningSandboxesAreListedAndDeadOnesAreNot() throws IOException, InterruptedException {
        BufferedReader output = sandbox.start("sh -c 'echo running; read line'");
        assertEquals("running", output.readLine());
        String root = "$CAISSON --root " + sandbox.directory + "/run ";
        Outcome table = Runner.shell(root + "list");
        assertEquals(2, table.output().lines().count(), table::toString);
        assertTrue(table.output().lines().skip(1).findFirst().orElse("").matches("swapped +\\d+ +running +- +\\S+ +- +\\w+ +overlay +memory +none +linux +sh -c .*"),
                table::toString);
        Outcome second = Runner.shell(root + "do --id swapped -- true");
        assertEquals(125, second.status());
        assertTrue(second.errors().contains("a sandbox named swapped runs already"), second::toString);
        sandbox.process().destroyForcibly().waitFor(); // leaves its socket behind
        Path socket = sandbox.directory.resolve("run/swapped.sock");
        assertTrue(Files.exists(socket));
        assertEquals("[]", Runner.shell(root + "list --format json").output().strip());
        assertTrue(!Files.exists(socket));
        assertEquals(0, Runner.shell(root + "do --id swapped -- true").status());
    }
}
