package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command line of {@code caisson do}: what its options change, how it fails, what it exits with. */
final class DoCommandIT {
    @Test
    void anUnknownProgramIs127AndOneLine() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do -- /no/such/program; echo $?; $CAISSON do -- nosuchprogram");
        assertEquals("127\n", outcome.output());
        assertEquals(127, outcome.status());
        assertEquals(2, outcome.errors().lines().count(), outcome::toString);
        assertTrue(outcome.errors().contains("/no/such/program"), outcome::toString);
    }

    @Test
    void whatCannotBeExecutedIs126AndOneLine() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("echo data > file; $CAISSON do -- ./file; echo $?; $CAISSON do -- /tmp");
        assertEquals("126\n", outcome.output());
        assertEquals(126, outcome.status());
        assertEquals(2, outcome.errors().lines().count(), outcome::toString);
    }

    @Test
    void theEnvironmentArrivesInItsOrder() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("env -i Z=1 no.variable=2 A=3 CAISSON_JAVA_HOME=\"$CAISSON_JAVA_HOME\" B='4\n5' $CAISSON do -- /usr/bin/env");
        assertEquals("Z=1 no.variable=2 A=3 B=4 5",
                String.join(" ", outcome.output().lines().filter(line -> !line.startsWith("CAISSON_JAVA_HOME=")).toList()));
    }

    @Test
    void anUnknownOptionListsWhatThereIs() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --bogus -- true");
        assertEquals(2, outcome.status());
        for (String option : List.of("--bogus", "--platform", "--rootfs", "--network", "--cwd", "--env", "--user", "--hostname",
                "--memory", "--volume", "--strace", "--log", "--debug")) {
            assertTrue(outcome.errors().contains(option), () -> option + " in " + outcome);
        }
        assertEquals("", outcome.output());
    }

    @ParameterizedTest
    @CsvSource({"--platform,ptrace", "--rootfs,overlay", "--network,none", "--syscalls,linux"})
    void anUnknownProviderListsTheInstalledOnes(String option, String installed) throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do " + option + " bogus -- echo ran");
        assertEquals(125, outcome.status(), outcome::toString);
        assertTrue(outcome.errors().contains("bogus") && outcome.errors().contains(installed), outcome::toString);
        assertEquals("", outcome.output());
    }

    @ParameterizedTest
    @CsvSource({"--memory lots", "--user root", "--env novalue", "--volume /only-host", "--cwd relative"})
    void aBadValueIsSaidInOneOrTwoLines(String option) throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do " + option + " -- echo ran");
        assertEquals(2, outcome.status(), outcome::toString);
        assertEquals("", outcome.output());
        assertTrue(outcome.errors().lines().count() <= 2, outcome::toString);
    }

    @Test
    void directoryEnvironmentUserAndNameAreTheGivenOnes() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --cwd /usr/share --env A=one --env=B='two words' --user 1234:5678"
                + " --hostname box -- /bin/sh -c 'pwd; echo \"$A-$B\"; id -u; id -g; hostname; uname -n; echo $HOME'");
        assertEquals(new Outcome(0, "/usr/share\none-two words\n1234\n5678\nbox\nbox\n/tmp\n", ""), outcome);
    }

    @Test
    void theCallersDirectoryAndFilesAreThere() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("echo text > file; pwd; $CAISSON do -- sh -c 'cat file; pwd'");
        List<String> lines = outcome.output().lines().toList();
        assertEquals("text", lines.get(1), outcome::toString);
        assertEquals(lines.get(0), lines.get(2), outcome::toString);
    }

    @Test
    void aVolumeIsTheHostsDirectoryAndRespectsReadOnly() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("mkdir rw ro; echo old > rw/a; echo old > ro/a;"
                + " $CAISSON do --volume $PWD/rw:/mnt --volume $PWD/ro:/opt:ro -- sh -c '"
                + "cat /mnt/a /opt/a; echo new > /mnt/a; mkdir /mnt/d; echo in > /mnt/d/f; ln -s a /mnt/s; (echo new > /opt/a) 2>&1;"
                + " touch /opt/b 2>&1; true'; cat rw/a ro/a rw/d/f; readlink rw/s; ls ro");
        assertEquals(0, outcome.status(), outcome::toString);
        List<String> lines = outcome.output().lines().toList();
        assertEquals(List.of("old", "old"), lines.subList(0, 2));
        assertTrue(lines.get(2).contains("Read-only file system") && lines.get(3).contains("Read-only file system"), outcome::toString);
        assertEquals(List.of("new", "old", "in", "a", "a"), lines.subList(4, lines.size()));
    }

    @Test
    void theStatusIsTheProgramsOr128PlusTheSignal() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("for how in 'exit 42' 'kill -TERM $$' 'kill -KILL $$' 'kill -SEGV $$' 'kill -USR1 $$'; do"
                + " $CAISSON do -- sh -c \"$how\"; echo $?; done 2>/dev/null");
        assertEquals("42\n143\n137\n139\n138\n", outcome.output());
    }

    @Test
    void whatIsLeftRunningEndsWithTheProgram() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do -- sh -c 'sleep 1000 & (sleep 1000 &) ; echo done; exit 3' | cat");
        assertEquals("done\n", outcome.output());
    }

    @Test
    void systemCallsAreWrittenToAFile() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --strace=trace -- sh -c 'echo hello; cat /missing' 2>/dev/null; cat trace >&2");
        assertEquals("hello\n", outcome.output());
        String trace = outcome.errors();
        assertTrue(trace.contains("write(1, \"hello\\n\", 6) = 6"), trace);
        assertTrue(trace.contains("execve(\"/bin/cat\"") || trace.contains("execve(\"/usr/bin/cat\""), trace);
        assertTrue(trace.contains("\"/missing\", O_RDONLY") && trace.contains("= -1 ENOENT"), trace);
        assertTrue(trace.contains("exit_group("), trace);
    }

    @Test
    void theLogGoesToItsFileAndNothingElseIsSaid() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --log log --debug -- echo hello; wc -c < log >&2");
        assertEquals("hello\n", outcome.output());
        assertTrue(Integer.parseInt(outcome.errors().strip()) > 0, outcome::toString);
        Outcome quiet = Runner.shell("$CAISSON do -- echo hello");
        assertEquals(new Outcome(0, "hello\n", ""), quiet);
    }

    @Test
    void helpNamesTheOptions() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON help do");
        assertEquals(0, outcome.status());
        assertTrue(outcome.output().contains("--volume") && outcome.output().contains("--hostname"), outcome::toString);
        assertFalse(outcome.output().contains("Exception"), outcome::toString);
    }
}
