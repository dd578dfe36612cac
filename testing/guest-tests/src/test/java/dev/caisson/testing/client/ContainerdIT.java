package dev.caisson.testing.client;

import dev.caisson.testing.guest.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** containerd drives Caisson with its own shim for runc: containers and processes by {@code ctr}, with FIFOs and terminals as their streams. */
@Timeout(value = 600)
final class ContainerdIT {
    private static final Path CLIENT = Path.of("/usr/bin/ctr");
    private static final Path SERVER = Path.of("/usr/bin/containerd");

    private static Engine engine;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        engine = new Engine("containerd", "CTR=\"" + CLIENT + " --address $D/socket\"; RUN=\"$CTR run --runtime io.containerd.runc.v2 --runc-binary $CAISSON\"\n"
                + "IMAGE=" + TestImage.NAME, List.of(CLIENT, SERVER));
        Path directory = engine.directory();
        Files.writeString(directory.resolve("config.toml"), """
                version = 2
                root = "%1$s/root"
                state = "%1$s/state"
                disabled_plugins = ["io.containerd.grpc.v1.cri"]
                [grpc]
                  address = "%1$s/socket"
                [plugins."io.containerd.internal.v1.opt"]
                  path = "%1$s/opt"
                """.formatted(directory));
        engine.start("$CTR version", List.of(SERVER.toString(), "--config", directory + "/config.toml"));
        Path image = Files.createDirectory(directory.resolve("image"));
        engine.shows("", "$CTR images import " + TestImage.archive(image) + " > /dev/null");
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        if (engine != null) {
            engine.close();
        }
    }

    @AfterEach
    void remove() throws IOException, InterruptedException {
        engine.run("for c in $($CTR containers ls -q); do $CTR task kill -s KILL -a $c; $CTR task delete -f $c; $CTR containers delete $c; done");
    }

    @Test
    void aProgramRunsToItsEnd() throws IOException, InterruptedException {
        engine.shows("out\n7\n0\n", """
                $RUN --rm $IMAGE one sh -c 'echo out; exit 7'; echo $?
                $RUN --rm $IMAGE two true; echo $?
                $CTR task ls -q
                """);
        engine.shows("status 5\n", """
                shim --terminal size:33x101 expect:ready 'send:stty size\\n' expect:'33 101' 'send:exit 5\\n' drain \\
                    -- $RUN --rm -t $IMAGE three sh -c 'tty; echo ready; exec sh'
                """);
    }

    @Test
    void aLackOfMemoryIsAnEvent() throws IOException, InterruptedException {
        engine.shows("/tasks/oom c\nRUNNING\n", """
                $CTR events > $D/events & events=$!
                await sh -c "$CTR namespaces label default probe=$$; grep -q /namespaces/update $D/events"
                $RUN -d --memory-limit 67108864 $IMAGE c sh -c "awk 'BEGIN{for(;;)a[i++]=i}'; sleep 1000"
                await grep -q /tasks/oom $D/events
                grep -m 1 -o '/tasks/oom.*container_id":"c"' $D/events | sed 's/{.*:"c"/c/'
                kill $events
                $CTR task ls | awk '$1 == "c" { print $3 }'
                """);
    }

    @Test
    void commandsOnARunningTask() throws IOException, InterruptedException {
        engine.shows("""
                RUNNING
                exec 4
                6
                PAUSED
                RUNNING
                attached
                memory
                pids
                STOPPED
                code 143
                """, """
                $RUN -d --pid-file $D/pid $IMAGE c sh -c 'trap "exit 143" TERM; sleep 1000 & wait; while :; do echo attached; sleep 0.1; done'
                status() { $CTR task ls | awk '$1 == "c" { print $3 }'; }
                status
                echo exec | $CTR task exec --exec-id e1 c sh -c 'printf "%s " "$(cat)"; exit 4'; echo $?
                shim --terminal expect:'# ' 'send:tty; exit 6\\n' expect:/dev/pts/ drain -- $CTR task exec -t --exec-id e2 c sh | cut -d' ' -f2
                $CTR task pause c; status; $CTR task resume c; status
                $CTR task attach c > $D/attached & attach=$!
                $CTR task exec --exec-id e3 c sh -c 'kill $(pidof sleep | cut -d" " -f1)'
                await grep attached $D/attached; head -n 1 $D/attached
                kill -9 $attach; wait $attach
                $CTR task metrics c > $D/metrics; for each in memory pids; do grep -q $each $D/metrics && echo $each; done
                kill -0 $(cat $D/pid) || echo the process of the pid file is gone
                $CTR task kill c; await sh -c "$CTR task ls | grep STOPPED"; status
                ! kill -0 $(cat $D/pid) 2> /dev/null || echo the process of the pid file is there
                $CTR task delete c 2>&1 | grep -o 'code 143'
                """);
    }
}
