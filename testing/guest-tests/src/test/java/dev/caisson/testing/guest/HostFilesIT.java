package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What the sandbox holds of files in a writable host directory. A descriptor that could write would keep everybody else from executing the
 * file (ETXTBSY), so there may be one only while the guest itself has the file open for writing.
 */
final class HostFilesIT {
    private static final int O_ACCMODE = 3;

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("caisson-host-files").toRealPath();
        Files.copy(Path.of("/bin/sleep"), directory.resolve("nap"));
        Files.copy(Path.of("/bin/true"), directory.resolve("program"));
    }

    @AfterEach
    void removeDirectory() throws IOException {
        Runner.deleteTree(directory);
    }

    @Test
    void readingMappingAndRunningNeverOpenForWriting() throws IOException, InterruptedException {
        whileSandboxRuns("/work/nap 100 & /work/program; cat /work/program >/dev/null; cp -p /work/program /dev/shm/copy; chmod 755 /work/program;"
                + " touch /work/program; test -w /work/nap; python3 -c 'import mmap, os; f = os.open(\"/work/program\", os.O_RDWR);"
                + " m = mmap.mmap(f, 0, mmap.MAP_PRIVATE); m[0]; os.close(f)'; mv /work/program /work/renamed; mv /work/renamed /work/program",
                sandbox -> {
                    assertEquals(List.of(), writableDescriptors(sandbox));
                    assertEquals(0, status("program"));
                    assertEquals(0, status("nap", "0"));
                });
    }

    @Test
    void whatTheGuestWroteAndClosedCanBeExecuted() throws IOException, InterruptedException {
        whileSandboxRuns("cp /bin/true /work/made; cat /work/made >/dev/null; /work/made; echo >> /work/program; truncate -s +1 /work/nap",
                sandbox -> {
                    assertEquals(List.of(), writableDescriptors(sandbox));
                    assertEquals(0, status("made"));
                    assertEquals(0, status("program"));
                    assertEquals(0, status("nap", "0"));
                });
    }

    private interface Check {
        void run(Process sandbox) throws IOException, InterruptedException;
    }

    private void whileSandboxRuns(String script, Check check) throws IOException, InterruptedException {
        Process sandbox = Runner.start(directory, "exec $CAISSON do --volume " + directory + ":/work -- sh -c '"
                + script.replace("'", "'\\''") + "; echo ready; read end'");
        try {
            BufferedReader output = new BufferedReader(new InputStreamReader(sandbox.getInputStream()));
            assertEquals("ready", output.readLine());
            check.run(sandbox);
            sandbox.getOutputStream().write('\n');
            sandbox.getOutputStream().flush();
            assertEquals(true, sandbox.waitFor(60, TimeUnit.SECONDS), "the sandbox does not end");
        } finally {
            Runner.end(sandbox);
        }
    }

    private int status(String program, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(directory.resolve(program).toString()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).start().waitFor();
    }

    /** Names of the directory's files that the sandbox has open for writing. */
    private List<String> writableDescriptors(Process sandbox) throws IOException {
        List<String> names = new ArrayList<>();
        Path process = Path.of("/proc/" + sandbox.pid());
        try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
            for (Path descriptor : descriptors.toList()) {
                try {
                    Path file = Files.readSymbolicLink(descriptor);
                    if (file.startsWith(directory) && isWritable(process.resolve("fdinfo").resolve(descriptor.getFileName()))) {
                        names.add(file.getFileName().toString());
                    }
                } catch (IOException gone) {
                    // closed meanwhile
                }
            }
        }
        return names;
    }

    private static boolean isWritable(Path information) throws IOException {
        for (String line : Files.readAllLines(information)) {
            if (line.startsWith("flags:")) {
                return (Long.parseLong(line.substring(6).strip(), 8) & O_ACCMODE) != 0;
            }
        }
        return false;
    }
}
