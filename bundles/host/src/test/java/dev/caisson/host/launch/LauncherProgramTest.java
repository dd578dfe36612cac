package dev.caisson.host.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher with programs that know nothing of it, in whatever namespaces the host grants. */
class LauncherProgramTest {
    @TempDir
    Path directory;
    private Path program;

    @BeforeEach
    void writeProgram() throws IOException {
        program = Files.write(directory.resolve("launcher"), LauncherProgram.image());
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    }

    private Process launch(String script) throws IOException {
        Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        Object group = Files.getAttribute(Path.of("/proc/self"), "unix:gid");
        List<String> words = new ArrayList<>(List.of(program.toString(), "0 " + user + " 1\n", "0 " + group + " 1\n", "old", "old"));
        words.addAll(List.of("/bin/sh", "-c", script));
        return new ProcessBuilder(words).redirectErrorStream(true).start();
    }

    private static String ended(Process process, int status) throws Exception {
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "no end");
        assertEquals(status, process.exitValue(), out);
        return out;
    }

    @Test
    void programHasItsWordsItsEnvironmentAndItsStreams() throws Exception {
        Process process = launch("read line; echo \"$line\" and $0 and ${PATH:+path}");
        process.getOutputStream().write("in\n".getBytes(StandardCharsets.ISO_8859_1));
        process.getOutputStream().close();
        assertEquals("in and /bin/sh and path\n", ended(process, 0));
    }

    @Test
    void launcherEndsWithTheStatusOfTheProgram() throws Exception {
        ended(launch("exit 3"), 3);
    }

    @Test
    void signalsArePassedOn() throws Exception {
        Process process = launch("trap 'echo got it; exit 4' TERM; echo ready; while :; do read line; done");
        byte[] ready = process.getInputStream().readNBytes("ready\n".length());
        assertEquals("ready\n", new String(ready, StandardCharsets.ISO_8859_1));
        process.toHandle().destroy();
        process.getOutputStream().write('\n'); // a shell looks at its traps when read(2) has returned
        process.getOutputStream().flush();
        assertEquals("got it\n", ended(process, 4));
    }

    @Test
    void programEndsWithTheLauncher() throws Exception {
        Process process = launch("echo ready; exec cat");
        process.getInputStream().readNBytes("ready\n".length());
        process.toHandle().destroyForcibly();
        // The stream ends when nobody has it open any more.
        assertEquals("", ended(process, 128 + 9));
    }
}
