package dev.caisson.testing.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.testing.guest.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * containerd's service for Kubernetes drives Caisson as a runtime handler: pods on the host's network. The calls are those that a kubelet makes.
 */
@Timeout(value = 600)
final class CriIT {
    private static final Path CLIENT = Path.of("/usr/bin/ctr");
    private static final Path SERVER = Path.of("/usr/bin/containerd");

    private static Engine engine;
    private static Cri cri;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        engine = new Engine("cri", "CTR=\"" + CLIENT + " --address $D/socket\"", List.of(CLIENT, SERVER));
        Path directory = engine.directory();
        Files.writeString(directory.resolve("config.toml"), """
                version = 2
                root = "%1$s/root"
                state = "%1$s/state"
                [grpc]
                  address = "%1$s/socket"
                [plugins."io.containerd.internal.v1.opt"]
                  path = "%1$s/opt"
                [plugins."io.containerd.grpc.v1.cri"]
                  sandbox_image = "%2$s"
                  stream_server_address = "127.0.0.1"
                  stream_server_port = "0"
                  [plugins."io.containerd.grpc.v1.cri".cni]
                    bin_dir = "%1$s/cni"
                    conf_dir = "%1$s/cni"
                  [plugins."io.containerd.grpc.v1.cri".containerd]
                    default_runtime_name = "caisson"
                  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.caisson]
                    runtime_type = "io.containerd.runc.v2"
                    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.caisson.options]
                      BinaryName = "%3$s"
                """.formatted(directory, TestImage.NAME, Runner.CAISSON));
        engine.start("$CTR version", List.of(SERVER.toString(), "--config", directory + "/config.toml"));
        Path image = Files.createDirectory(directory.resolve("image"));
        engine.shows("", "$CTR -n k8s.io images import " + TestImage.archive(image) + " > /dev/null");
        cri = new Cri(directory.resolve("socket"), engine);
        assertEquals("containerd", cri.version());
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        if (engine != null) {
            engine.run("CTR=\"$CTR -n k8s.io\"; for c in $($CTR containers ls -q); do $CTR task kill -s KILL -a $c; $CTR task delete -f $c;"
                    + " $CTR containers delete $c; done");
            engine.close();
        }
    }

    private static void awaitState(String container, long state) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + 180_000_000_000L;
        while (cri.state(container) != state && System.nanoTime() < deadline) {
            Thread.sleep(50);
        }
        assertEquals(state, cri.state(container));
    }

    @Test
    void aContainerThatWantsTooMuchMemoryIsOomKilled() throws IOException, InterruptedException {
        Path logs = Files.createDirectory(engine.directory().resolve("greedy"));
        Wire pod = Cri.pod("greedy", logs);
        String podId = cri.runPod(pod);
        String greedy = cri.createContainer(podId, pod, "one", false, 64 << 20, "awk", "BEGIN{for(;;)a[i++]=i}");
        String other = cri.createContainer(podId, pod, "other", false, "sleep", "1000");
        cri.start(other);
        cri.start(greedy);
        awaitState(greedy, Cri.EXITED);
        assertEquals(137, cri.exitCode(greedy));
        long deadline = System.nanoTime() + 180_000_000_000L;
        while (!cri.reason(greedy).equals("OOMKilled") && System.nanoTime() < deadline) {
            Thread.sleep(50);
        }
        assertEquals("OOMKilled", cri.reason(greedy));
        assertEquals(Cri.RUNNING, cri.state(other));
        cri.stop(other, 0);
        cri.remove(greedy);
        cri.remove(other);
        cri.stopPod(podId);
        cri.removePod(podId);
    }

    @Test
    void aPodHasTwoContainers() throws IOException, InterruptedException, ExecutionException, TimeoutException {
        Path logs = Files.createDirectory(engine.directory().resolve("logs"));
        Wire pod = Cri.pod("pod", logs);
        String podId = cri.runPod(pod);
        String first = cri.createContainer(podId, pod, "first", false, "sh", "-c", "echo of the first; trap 'exit 3' TERM; sleep 1000 & wait");
        String second = cri.createContainer(podId, pod, "second", true, "sh", "-c", "echo of the second; cat; exit 4");
        assertEquals(Cri.CREATED, cri.state(first));
        cri.start(first);
        cri.start(second);
        assertEquals(Cri.RUNNING, cri.state(first));
        assertEquals("first\n5", cri.execSync(first, "sh", "-c", "echo first; exit 5"));
        assertEquals("second\n0", cri.execSync(second, "sh", "-c", "echo second"));
        try (Cri.Session session = new Cri.Session(cri.exec(second, "sh", "-c", "read x; echo got $x"))) {
            session.send("input\n");
            assertTrue(session.all().startsWith("got input\n"), session.all());
        }
        try (Cri.Session session = new Cri.Session(cri.attach(second))) {
            session.send("attached\n");
            assertEquals("attached\n", session.await("attached\n"));
        }
        cri.stop(first, 60);
        awaitState(first, Cri.EXITED);
        assertEquals(3, cri.exitCode(first));
        cri.stop(second, 0);
        awaitState(second, Cri.EXITED);
        assertEquals(137, cri.exitCode(second));
        assertTrue(Files.readString(logs.resolve("first.log")).contains(" stdout F of the first\n"));
        assertTrue(Files.readString(logs.resolve("second.log")).contains(" stdout F attached\n"));
        cri.remove(first);
        cri.remove(second);
        cri.stopPod(podId);
        cri.removePod(podId);
        engine.shows("", "$CTR -n k8s.io containers ls -q");
    }
}
