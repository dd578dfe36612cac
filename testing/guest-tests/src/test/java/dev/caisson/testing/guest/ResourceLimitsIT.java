package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs that want everything get their limit and no more, and the sandbox goes on. */
final class ResourceLimitsIT extends OnEachPlatform {
    private static Path hostile(String name) throws IOException, InterruptedException {
        return GuestCompiler.compiled(Path.of("hostile", name + ".c"));
    }

    @Test
    void aMemoryHogIsKilledInsideAndTheSandboxGoesOn() throws IOException, InterruptedException {
        Path hog = hostile("memory_hog");
        Outcome outcome = Runner.shell("$CAISSON do --memory 96M -- sh -c '" + hog + " touch; echo touch $?; " + hog + " fork; echo fork $?; "
                + hog + " tmpfs; echo tmpfs $?; " + hog + " pipes; echo pipes $?; echo still here; seq 1 1000 | tail -1'");
        assertEquals("touch 137\nfork 0\ntmpfs 0\npipes 0\nstill here\n1000\n", outcome.output(), outcome::toString);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    @Test
    void anAddressSpaceLimitFailsTheCall() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do -- sh -c 'ulimit -v 200000; python3 -c \"x = bytearray(1 << 29)\" 2>&1 | tail -1'");
        assertEquals("MemoryError\n", outcome.output(), outcome::toString);
    }

    @Test
    void aForkBombEndsAtTheProcessLimit() throws IOException, InterruptedException {
        Path bomb = hostile("fork_bomb");
        Outcome outcome = Runner.shell("$CAISSON do --user 1000:1000 -- bash -c 'ulimit -u 60; " + bomb + "; echo $?; echo still here'");
        assertEquals("bounded\n0\nstill here\n", outcome.output(), outcome::toString);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    @Test
    void descriptorsAndFileSizesAreLimited() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do -- bash -c 'ulimit -n 20; for i in {10..30}; do eval \"exec $i</dev/null\" 2>/dev/null || break;"
                + " done; ls /proc/self/fd >/dev/null 2>&1; ulimit -f 1; trap \"\" XFSZ; head -c 5000 /dev/zero > f; wc -c < f' 2>&1");
        assertTrue(outcome.output().endsWith("1024\n"), outcome::toString);
    }

    /** Each of the sandbox's tasks would need a processor to hear that the end has come, and those that compute do not make room for it. */
    @ParameterizedTest
    @CsvSource({"1500, sleep", "400, spin"})
    void aSandboxEndsSoonWhateverItsProcessesDo(int count, String occupation) throws IOException, InterruptedException {
        Path crowd = hostile("crowd");
        Outcome outcome = Runner.shell("$CAISSON do -- " + crowd + " " + count + " " + occupation);
        assertEquals(count + "\n", outcome.output(), outcome::toString);
        assertEquals(7, outcome.status(), outcome::toString);
    }
}
