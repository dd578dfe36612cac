package dev.caisson.oci.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerStoreTest {
    @TempDir
    private Path directory;

    private ContainerState state(ProcessIdentity process, Status status) {
        return new ContainerState("1.0.2", "c", status, process, Path.of("/b"), Path.of("/b/rootfs"), Instant.EPOCH, "root", Map.of("k", "v"),
                Path.of("/s"), ContainerState.NONE);
    }

    @Test
    void aStateIsReadAsItWasWritten() throws ContainerException, IOException {
        ContainerStore store = new ContainerStore(directory.resolve("r"));
        ContainerDirectory container = store.make("c");
        assertEquals(List.of(), store.ids());
        ContainerState state = state(ProcessIdentity.own(), Status.RUNNING);
        container.write(state);
        assertEquals(state, container.state());
        assertEquals(List.of("c"), store.ids());
        JsonObject json = state.toJson();
        assertEquals(List.of("ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"), List.copyOf(json.keySet()));
        assertEquals("running", json.getString("status"));
        container.delete();
        assertTrue(assertThrows(ContainerException.class, container::state).getMessage().contains("does not exist"));
    }

    @Test
    void aContainerWhoseProcessIsGoneHasStopped() throws ContainerException, IOException {
        ContainerDirectory container = new ContainerStore(directory).make("c");
        ProcessIdentity own = ProcessIdentity.own();
        container.write(state(new ProcessIdentity(own.pid(), own.startTicks() + 1), Status.RUNNING)); // a later process has its number
        assertEquals(Status.STOPPED, container.state().status());
        assertEquals(0, container.state().toJson().getLong("pid"));
    }

    @Test
    void aNameIsTakenOnceUnlessItsMakerWasKilled() throws ContainerException, IOException {
        ContainerStore store = new ContainerStore(directory);
        ContainerDirectory first = store.make("c");
        Files.writeString(first.path().resolve("rest"), "x");
        ContainerDirectory second = store.make("c"); // no state, and nobody holds the lock
        assertFalse(Files.exists(second.path().resolve("rest")));
        second.write(state(ProcessIdentity.own(), Status.CREATED));
        assertEquals("container with given ID already exists: c", assertThrows(ContainerException.class, () -> store.make("c")).getMessage());
    }

    @Test
    void namesStayInTheirDirectory() {
        ContainerStore store = new ContainerStore(directory);
        for (String name : List.of("", ".", "..", "a/b", "../a", "a b", "é")) {
            assertThrows(ContainerException.class, () -> store.find(name), name);
        }
    }

    @Test
    void aSocketsPathIsNeverTooLong() throws ContainerException {
        ContainerStore store = new ContainerStore(directory);
        Path own = Path.of("/run/caisson");
        assertEquals(directory.resolve("c/control.sock"), ContainerStore.socket(store.find("c"), own));
        Path first = ContainerStore.socket(store.find("a".repeat(200)), own);
        Path second = ContainerStore.socket(store.find("a".repeat(199) + "b"), own);
        assertEquals(own, first.getParent());
        assertNotEquals(first, second);
    }

    @Test
    void logLinesHaveLogrussForms() {
        assertEquals("time=\"1970-01-01T00:00:00Z\" level=error msg=\"a \\\"b\\\"\"\n",
                new RuntimeLog(Path.of("/l"), false).line("error", "a \"b\"", Instant.EPOCH));
        assertEquals("{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\",\"time\":\"1970-01-01T00:00:00Z\"}\n",
                new RuntimeLog(Path.of("/l"), true).line("error", "a \"b\"", Instant.EPOCH));
    }

    @Test
    void signalsHaveNamesAndNumbers() {
        assertEquals(List.of(15, 15, 15, 9, 37, 62, 64, 6), List.of("TERM", "sigterm", "15", "KILL", "RTMIN+3", "SIGRTMAX-2", "64", "IOT")
                .stream().map(SignalNames::number).toList());
        for (String wrong : List.of("", "0", "65", "NOSUCH", "-1", "RTMIN+x", "9x")) {
            assertThrows(IllegalArgumentException.class, () -> SignalNames.number(wrong), wrong);
        }
    }
}
