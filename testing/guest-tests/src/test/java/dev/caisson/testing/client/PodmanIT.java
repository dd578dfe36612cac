package dev.caisson.testing.client;

import dev.caisson.testing.guest.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** podman drives Caisson, with conmon between them and no daemon. There are no control groups, which its Debian package refuses on version 1. */
@Timeout(value = 600)
final class PodmanIT {
    private static final Path PODMAN = Path.of("/usr/bin/podman");

    private static Engine engine;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        engine = new Engine("podman", "P=\"" + PODMAN + " --root $D/root --runroot $D/run --tmpdir $D/tmp --runtime caisson --cgroup-manager cgroupfs"
                + " --events-backend none --log-level error\"; RUN=\"$P run --cgroups=disabled --network none\"; export CONTAINERS_CONF=$D/containers.conf\n"
                + "IMAGE=" + TestImage.NAME, List.of(PODMAN));
        Files.writeString(engine.directory().resolve("containers.conf"), """
                [engine]
                runtime_supports_json = ["caisson"]
                runtime_supports_nocgroup = ["caisson"]
                [engine.runtimes]
                caisson = ["%s"]
                """.formatted(Runner.CAISSON));
        Files.createDirectory(engine.directory().resolve("tmp"));
        Path image = Files.createDirectory(engine.directory().resolve("image"));
        engine.shows("", "$P load -q -i " + TestImage.archive(image) + " > /dev/null");
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        if (engine != null) {
            engine.run("$P rm -a -f");
            engine.close();
        }
    }

    @Test
    void podmanRunsAndStops() throws IOException, InterruptedException {
        engine.shows("out\n3\n127\n126\n", """
                $RUN --rm $IMAGE sh -c 'echo out; exit 3'; echo $?
                $RUN --rm $IMAGE no-such-program 2> $D/e1; echo $?
                $RUN --rm $IMAGE /bin/text 2> $D/e2; echo $?
                """);
        engine.shows("exec\n4\nhello\nstopped 143\n", """
                $RUN -d --name c $IMAGE sh -c 'trap "exit 143" TERM; echo hello; sleep 1000 & wait' > /dev/null
                await sh -c "$P logs c | grep hello"
                echo exec | $P exec -i c sh -c 'cat; exit 4'; echo $?
                $P logs c
                $P stop c > /dev/null; echo stopped $($P inspect -f '{{.State.ExitCode}}' c)
                """);
        engine.shows("status 6\n", """
                shim --terminal expect:'# ' 'send:tty; exit 6\\n' expect:/dev/pts/ drain -- $RUN --rm -it $IMAGE sh""");
    }
}
