package dev.caisson.cli.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.control.SandboxException;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.host.HostFile;
import dev.caisson.oci.runtime.ProcessIdentity;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExecProgramTest {
    private static final int TERM = 15;
    private static final long PATIENCE_S = 120;

    @TempDir
    Path directory;
    private final BlockingQueue<JsonObject> requests = new LinkedBlockingQueue<>();
    private final AtomicReference<String> refusal = new AtomicReference<>();

    /** What stands in for a process of a guest. */
    private static final class Guest implements ContainerServer.Attached {
        private final CountDownLatch over = new CountDownLatch(1);
        private final BlockingQueue<Integer> signals = new LinkedBlockingQueue<>();
        private volatile int status;

        void end(int waitStatus) {
            status = waitStatus;
            over.countDown();
        }

        @Override
        public void signal(int signal, boolean isFromTerminal) {
            signals.add(signal);
        }

        @Override
        public int awaitEnd() {
            try {
                over.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return status;
        }

        @Override
        public void abandon() {
            signals.add(-1);
        }
    }

    private final Guest guest = new Guest();

    @BeforeEach
    void writePrograms() throws IOException {
        program("exec", ExecProgram.image());
        program("script", "#!/bin/sh\necho \"script: $*\"\nexit 9\n".getBytes(StandardCharsets.ISO_8859_1));
    }

    private void program(String name, byte[] bytes) throws IOException {
        Files.setPosixFilePermissions(Files.write(directory.resolve(name), bytes), PosixFilePermissions.fromString("rwx------"));
    }

    private ContainerServer serve() throws IOException {
        return ContainerServer.start(directory.resolve("control.sock"), new LineRequests((request, descriptors) -> {
            requests.add(request);
            try (Arena arena = Arena.ofConfined()) {
                if (refusal.get() != null) {
                    throw new SandboxException(refusal.get(), null);
                }
                HostFile.write(descriptors.get(1), arena.allocateFrom("to standard output\n").address(), 19);
            } finally {
                descriptors.forEach(HostFile::close);
            }
            JsonObject answer = new JsonObject();
            answer.put("pid", 7);
            return new ContainerServer.Reply(answer, guest);
        }));
    }

    private ProcessBuilder command(String mode, String pidFile, String process, String... words) {
        List<String> all = new ArrayList<>(List.of(directory.resolve("exec").toString(), directory.toString(), mode,
                pidFile.isEmpty() ? "" : directory.resolve(pidFile).toString(), pidFile.isEmpty() ? "" : directory.resolve("." + pidFile).toString(),
                process.isEmpty() ? "" : directory.resolve(process).toString(), "", directory.resolve("script").toString()));
        all.addAll(List.of(words));
        return new ProcessBuilder(all).redirectErrorStream(true).redirectInput(new File("/dev/null"));
    }

    private static String ended(Process process, int status) throws Exception {
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(PATIENCE_S, TimeUnit.SECONDS), "no end");
        assertEquals(status, process.exitValue(), out);
        return out;
    }

    private JsonObject request() throws InterruptedException {
        JsonObject request = requests.poll(PATIENCE_S, TimeUnit.SECONDS);
        assertTrue(request != null, "no request");
        return request;
    }

    @Test
    void foregroundProcessEndsWithTheStatusOfTheProgram() throws Exception {
        try (ContainerServer _ = serve()) {
            Process process = command("f", "pid", "", "--root", "/r", "exec", "--env", "A=b c", "--cwd", "/tmp", "box", "prog", "", "an argument", "ü").start();
            JsonObject request = request();
            assertEquals("exec", request.getString("command"));
            assertEquals("box", request.getString("id"));
            assertEquals(List.of("prog", "", "an argument", "ü"), request.getArray("args"));
            assertEquals(List.of("A=b c"), request.getArray("env"));
            assertEquals("/tmp", request.getString("cwd"));
            assertTrue(request.getBoolean("foreground"));
            assertEquals(process.pid(), request.getLong("companion"));
            guest.end(3 << 8);
            assertEquals("to standard output\n", ended(process, 3));
            assertEquals(Long.toString(process.pid()), Files.readString(directory.resolve("pid")));
            assertFalse(Files.exists(directory.resolve(".pid")));
        }
    }

    @Test
    void signalThatEndedTheProgramBecomesAStatusInTheForeground() throws Exception {
        try (ContainerServer _ = serve()) {
            Process process = command("f", "", "", "exec", "box", "prog").start();
            request();
            process.toHandle().destroy();
            assertEquals(TERM, guest.signals.poll(PATIENCE_S, TimeUnit.SECONDS));
            guest.end(TERM);
            ended(process, 128 + TERM);
        }
    }

    @Test
    void detachedOneLeavesAProcessBehindThatStandsForTheProgram() throws Exception {
        try (ContainerServer _ = serve()) {
            Process process = command("d", "pid", "", "exec", "--detach", "box", "prog", "an argument").start();
            assertEquals("to standard output\n", ended(process, 0));
            ProcessHandle companion = ProcessHandle.of(Long.parseLong(Files.readString(directory.resolve("pid")))).orElseThrow();
            assertEquals(companion.pid(), request().getLong("companion"));
            assertFalse(requests.iterator().hasNext());
            // What it shows is there once it has become that program, which nobody has to wait for.
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            Path line = Path.of("/proc/" + companion.pid() + "/cmdline");
            while (!Files.readString(line).equals("caisson: prog an argument\0") && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
            assertEquals("caisson: prog an argument\0", Files.readString(line));
            companion.destroy();
            assertEquals(TERM, guest.signals.poll(PATIENCE_S, TimeUnit.SECONDS));
            guest.end(0);
            // It is nobody's child that this process could wait for; where nobody buries it, it stays as a zombie.
            ProcessIdentity identity = ProcessIdentity.of(companion.pid());
            identity.awaitEnd(TimeUnit.SECONDS.toMillis(PATIENCE_S));
            assertFalse(identity.isAlive(), "the companion goes on");
        }
    }

    @Test
    void fileOfTheProcessComesAlong() throws Exception {
        Files.writeString(directory.resolve("process.json"), "{\"args\":[\"from\",\"file\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}}");
        try (ContainerServer _ = serve()) {
            Process process = command("f", "", "process.json", "exec", "--process", "process.json", "box").start();
            assertEquals(Files.readString(directory.resolve("process.json")), request().getString("process"));
            guest.end(0);
            ended(process, 0);
        }
    }

    @Test
    void whatIsRefusedIsDoneByTheScript() throws Exception {
        refusal.set("no such program");
        try (ContainerServer _ = serve()) {
            assertEquals("script: --log x exec box prog\n", ended(command("f", "pid", "", "--log", "x", "exec", "box", "prog").start(), 9));
            assertEquals("script: exec -d box prog\n", ended(command("d", "pid", "", "exec", "-d", "box", "prog").start(), 9));
            assertFalse(Files.exists(directory.resolve("pid")));
            assertFalse(Files.exists(directory.resolve(".pid")));
            assertEquals("script: exec --nonsense box prog\n", ended(command("f", "", "", "exec", "--nonsense", "box", "prog").start(), 9));
        }
        assertEquals(new JsonArray(List.of("prog")), requests.poll().getArray("args"));
        assertEquals(1, requests.size(), "a wrong line asks for nothing");
    }

    @Test
    void withoutASandboxTheScriptSaysSo() throws Exception {
        assertEquals("script: exec box prog\n", ended(command("f", "", "", "exec", "box", "prog").start(), 9));
        assertEquals("script: exec box prog\n", ended(command("d", "nowhere/pid", "", "exec", "box", "prog").start(), 9));
    }
}
