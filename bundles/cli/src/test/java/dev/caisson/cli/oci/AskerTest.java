package dev.caisson.cli.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonObject;
import dev.caisson.control.SandboxException;
import dev.caisson.control.lifecycle.ContainerServer;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AskerTest {
    @TempDir
    Path directory;
    private final List<JsonObject> requests = Collections.synchronizedList(new ArrayList<>());

    private record Ran(int status, String out) {}

    @BeforeEach
    void writeProgram() throws IOException {
        Files.setPosixFilePermissions(Files.write(directory.resolve("ask"), Asker.image()), PosixFilePermissions.fromString("rwx------"));
    }

    private Ran ask(Path socket, String request) throws Exception {
        Process process = new ProcessBuilder(directory.resolve("ask").toString(), socket.toString(), request + "\n", "-").redirectErrorStream(true).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "no end");
        return new Ran(process.exitValue(), out);
    }

    private Ran answered(JsonObject answer, String request) throws Exception {
        Path socket = directory.resolve("s");
        try (ContainerServer _ = ContainerServer.start(socket, (json, descriptors) -> {
            requests.add(json);
            if (answer == null) {
                throw new SandboxException("refused", null);
            }
            return ContainerServer.Reply.of(answer);
        })) {
            return ask(socket, request);
        }
    }

    @Test
    void anEmptyAnswerIsDone() throws Exception {
        assertEquals(new Ran(0, ""), answered(new JsonObject(), "{\"command\":\"kill\",\"signal\":9}"));
        assertEquals(9, requests.getFirst().getInt("signal"));
    }

    @Test
    void aRefusalIsLeftToTheCommandInJava() throws Exception {
        assertEquals(new Ran(1, ""), answered(null, "{\"command\":\"kill\"}"));
        assertEquals(new Ran(1, ""), answered(JsonObject.builder().value("a", 1).done(), "{\"command\":\"kill\"}"));
        assertEquals(1, ask(directory.resolve("nowhere"), "{}").status());
        assertEquals(1, ask(directory.resolve("x".repeat(200)), "{}").status());
    }

    @Test
    void anIndentedAnswerIsPrinted() throws Exception {
        JsonObject state = JsonObject.builder().value("id", "c").value("long", "x".repeat(20_000)).done();
        Ran ran = answered(state, "{\"command\":\"state\",\"indent\":true}");
        assertEquals(0, ran.status());
        assertEquals("{\n  \"id\": \"c\",\n  \"long\": \"" + "x".repeat(20_000) + "\"\n}\n", ran.out().replace("\":\"", "\": \""));
    }

    @Test
    void anAnswerThatIsTooLongIsLeftToTheCommandInJava() throws Exception {
        JsonObject state = JsonObject.builder().value("long", "x".repeat(Asker.MOST_BYTES)).done();
        assertEquals(new Ran(1, ""), answered(state, "{\"command\":\"state\",\"indent\":true}"));
    }

    @Test
    void aSandboxThatGoesAwayHasNotAnswered() throws Exception {
        Path socket = directory.resolve("t");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    server.accept().close();
                } catch (IOException e) {
                    return; // the test is over
                }
            });
            assertEquals(new Ran(1, ""), ask(socket, "{}"));
        }
    }

    @Test
    void itWaitsForTheEndOfAProcess() throws Exception {
        Process process = new ProcessBuilder("cat").start();
        Process waiting = new ProcessBuilder(directory.resolve("ask").toString(), Long.toString(process.pid())).start();
        process.getOutputStream().close();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "no end");
        assertTrue(waiting.waitFor(120, TimeUnit.SECONDS), "no end");
        assertEquals(0, waiting.exitValue());
        Process late = new ProcessBuilder(directory.resolve("ask").toString(), Long.toString(process.pid())).start();
        assertTrue(late.waitFor(120, TimeUnit.SECONDS), "no end");
        assertEquals(0, late.exitValue());
        Process wrong = new ProcessBuilder(directory.resolve("ask").toString(), "1x").start();
        assertTrue(wrong.waitFor(120, TimeUnit.SECONDS), "no end");
        assertEquals(1, wrong.exitValue());
    }
}
