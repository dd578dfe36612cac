package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Signals sent to {@code caisson do} reach the program; nothing is left when Caisson is killed. */
final class SignalForwardingIT extends OnEachPlatform {
    private Path directory;
    private Process process;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("caisson-signals");
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (process != null) {
            Runner.end(process);
        }
        Runner.deleteTree(directory);
    }

    private BufferedReader start(String guestScript) throws IOException {
        Files.writeString(directory.resolve("guest.sh"), guestScript);
        process = Runner.start(directory, "exec $CAISSON do -- sh guest.sh 2>&1");
        BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream()));
        assertEquals("ready", output.readLine());
        return output;
    }

    private void signal(String name) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor());
    }

    @Test
    void trapsOfTheProgramRun() throws IOException, InterruptedException {
        BufferedReader output = start("""
                for signal in HUP INT QUIT USR1 USR2; do trap "echo got $signal" $signal; done
                trap 'echo got TERM; exit 9' TERM
                echo ready
                while :; do sleep 0.05; done
                """);
        for (String name : List.of("HUP", "INT", "QUIT", "USR1", "USR2", "USR1", "TERM")) {
            signal(name);
            assertEquals("got " + name, output.readLine());
        }
        assertEquals(9, process.waitFor());
    }

    @Test
    void theDefaultActionKillsTheProgram() throws IOException, InterruptedException {
        start("echo ready; exec sleep 1000");
        signal("TERM");
        assertTrue(process.waitFor(180, TimeUnit.SECONDS));
        // Killed by the signal itself, or exited with what a shell makes of it: Java shows both as 143.
        assertEquals(143, process.exitValue());
    }

    @Test
    void stoppedAndContinuedByTheCaller() throws IOException, InterruptedException {
        BufferedReader output = start("trap 'echo got CONT' CONT; trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done");
        signal("CONT");
        assertEquals("got CONT", output.readLine());
        signal("TERM");
        assertEquals(4, process.waitFor());
    }

    @Test
    void nothingIsLeftWhenCaissonIsKilled() throws IOException, InterruptedException {
        start("sleep 1000 & sleep 1000 & (sleep 1000) & echo ready; wait");
        List<ProcessHandle> stubs = process.descendants().toList();
        assertEquals(platform.equals("kvm"), stubs.isEmpty(), "guest address spaces have stub processes, but for those of a machine");
        signal("KILL");
        process.waitFor();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
        while (stubs.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < deadline) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        assertEquals(List.of(), stubs.stream().filter(ProcessHandle::isAlive).toList());
    }
}
