package dev.caisson.testing.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

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

/**
 * Docker drives Caisson by its name in daemon.json, as it drives runc: what people do with {@code docker run} and the commands on running
 * containers. The daemon is this class' own: sockets, images and containers are below one directory. There is no network.
 */
@Timeout(value = 600)
final class DockerIT {
    private static final Path CLIENT = Path.of("/usr/bin/docker");
    private static final Path SERVER = Path.of("/usr/sbin/dockerd");

    private static Engine engine;

    @BeforeAll
    static void start() throws IOException, InterruptedException {
        engine = new Engine("docker", "DOCKER=\"" + CLIENT + " --host unix://$D/socket\"; export DOCKER_CONFIG=$D/client", List.of(CLIENT, SERVER));
        Path directory = engine.directory();
        Files.writeString(directory.resolve("daemon.json"), """
                {"runtimes": {"caisson": {"path": "%s"}}, "default-runtime": "caisson"}
                """.formatted(Runner.CAISSON));
        engine.start("$DOCKER version", List.of(SERVER.toString(), "--config-file", directory + "/daemon.json", "--data-root", directory + "/data",
                "--exec-root", directory + "/exec", "--host", "unix://" + directory + "/socket", "--pidfile", directory + "/pid", "--bridge", "none",
                "--iptables=false", "--ip6tables=false"));
        Path image = Files.createDirectory(directory.resolve("image"));
        engine.shows("", "$DOCKER load -q -i " + TestImage.archive(image) + " > /dev/null && $DOCKER tag " + TestImage.NAME + " busybox");
    }

    @AfterAll
    static void stop() throws IOException, InterruptedException {
        if (engine != null) {
            engine.close();
        }
    }

    @AfterEach
    void remove() throws IOException, InterruptedException {
        engine.run("$DOCKER ps -aq | xargs -r $DOCKER rm -f -v");
    }

    @Test
    void programsEndWithTheirStatus() throws IOException, InterruptedException {
        engine.shows("0\nout\n3\n137\n127\n126\n125\n125\n", """
                run() { $DOCKER run --rm "$@" 2>> $D/errors; echo $?; }
                run busybox true
                run busybox sh -c 'echo out; exit 3'
                run busybox sh -c 'sh -c "kill -9 \\$\\$"; exit $?'
                run busybox no-such-program
                run busybox /bin/text
                run --no-such-flag busybox true
                run -v /proc/version:/x:no-such-option busybox true
                $DOCKER ps -aq
                """);
        String errors = Files.readString(engine.directory().resolve("errors"));
        assertTrue(errors.contains("exec: \"no-such-program\": executable file not found in $PATH"), errors);
        assertTrue(errors.contains("exec: \"/bin/text\": permission denied"), errors);
    }

    @Test
    void optionsOfRunReachTheProgram() throws IOException, InterruptedException {
        engine.shows("""
                web 1000 10
                hello test
                /tmp
                box
                touch: /x: Read-only file system
                /tmp/a
                tmpfs
                volume
                touch: /ro/x: Read-only file system
                written
                CapEff: 0000000000000000
                NoNewPrivs: 1
                """, """
                mkdir -p $D/v $D/ro; echo volume > $D/v/in
                $DOCKER run --rm --user web --group-add 10 -e A=hello -w /tmp --hostname box --read-only --tmpfs /t -v $D/v:/v -v $D/ro:/ro:ro --tmpfs /tmp \\
                    --cap-drop ALL --security-opt no-new-privileges busybox sh -c 'exec 2>&1
                    echo $(id -un) $(id -u) $(id -G | cut -d" " -f2); echo $A $IMAGE; pwd; hostname; touch /x; touch a; ls /tmp/a
                    grep " /t " /proc/mounts | cut -d" " -f1; cat /v/in; touch /ro/x; cat /ro/x 2>/dev/null
                    (echo written > /v/out) 2>/dev/null || echo written; grep -E "CapEff|NoNewPrivs" /proc/self/status | tr "\\t" " "
                    '
                """);
        engine.shows("tini\n", "$DOCKER run --rm --init busybox sh -c 'grep -q -a init /proc/1/cmdline && echo tini'");
    }

    @Test
    void aTerminalIsTheCallersInRunAndExec() throws IOException, InterruptedException {
        engine.shows("status 5\n", """
                shim --terminal size:33x101 expect:ready send:'stty size\\n' expect:'33 101' size:20x70 'send:stty size\\n' expect:'20 70' \\
                    'send:sleep 1000\\n' expect:'sleep 1000' send:'\\x03' 'send:echo a""b\\n' expect:ab 'send:exit 5\\n' drain \\
                    -- $DOCKER run --rm -it busybox sh -c 'tty; echo ready; exec sh'""");
        engine.shows("status 6\n", """
                $DOCKER run -d --name cc busybox >/dev/null
                shim --terminal expect:'# ' 'send:tty; exit 6\\n' expect:/dev/pts/ drain -- $DOCKER exec -it cc sh""");
    }

    @Test
    void commandsOnARunningContainer() throws IOException, InterruptedException {
        engine.shows("""
                hello
                exec 4
                no 126
                cannot 126
                in the container
                from outside
                paused
                running
                sh -c
                sleep 1000
                stopped 143
                137
                0
                """, """
                $DOCKER run -d --name cc busybox sh -c 'trap "exit 143" TERM; echo hello; sleep 1000 & wait' > /dev/null
                await sh -c "$DOCKER logs cc | grep hello"
                $DOCKER logs cc
                echo 'exec' | $DOCKER exec -i cc sh -c 'printf "%s " "$(cat)"; exit 4'; echo $?
                $DOCKER exec cc no-such-program > $D/e1 2>&1; echo no $?
                $DOCKER exec cc /bin/text > $D/e2 2>&1; echo cannot $?
                $DOCKER exec cc sh -c 'echo in the container > /tmp/f'; $DOCKER cp cc:/tmp/f - | tar xO
                echo from outside > $D/f; $DOCKER cp $D/f cc:/tmp/g; $DOCKER exec cc cat /tmp/g
                $DOCKER pause cc > /dev/null; $DOCKER inspect -f '{{.State.Status}}' cc
                $DOCKER unpause cc > /dev/null; $DOCKER inspect -f '{{.State.Status}}' cc
                $DOCKER top cc > $D/top; grep -o 'sh -c' $D/top | head -n 1
                $DOCKER exec -d cc sleep 1000; $DOCKER top cc | grep -o 'sleep 1000$' | tail -n 1
                $DOCKER stop cc > /dev/null; echo stopped $($DOCKER inspect -f '{{.State.ExitCode}}' cc)
                $DOCKER start cc > /dev/null; $DOCKER kill -s KILL cc > /dev/null; $DOCKER wait cc; $DOCKER rm cc > /dev/null; echo $?
                """);
    }

    @Test
    void containersStartAgainAsTheirPolicySays() throws IOException, InterruptedException {
        engine.shows("exited 7 2\n1 1 1\nalways true\n", """
                $DOCKER run -d --name cc --restart on-failure:2 busybox sh -c 'echo 1; exit 7' > /dev/null
                await sh -c "$DOCKER inspect -f '{{.State.Status}} {{.RestartCount}}' cc | grep 'exited 2'"
                $DOCKER inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' cc
                echo $($DOCKER logs cc)
                $DOCKER run -d --name dd --restart always -v $D:/d busybox sh -c 'if [ -e /d/second ]; then echo always; exec sleep 1000; fi; touch /d/second' \\
                    > /dev/null
                await sh -c "$DOCKER logs dd | grep always"
                $DOCKER logs dd | tail -n 1 | tr '\\n' ' '; $DOCKER inspect -f '{{.State.Running}}' dd
                """);
    }

    @Test
    void aProgramThatWantsTooMuchMemoryIsReported() throws IOException, InterruptedException {
        String eat = "awk 'BEGIN{for(;;)a[i++]=i}'";
        // The engine's shim hears of the end of a container by another way, so the program that is killed is none that is waited for.
        engine.shows("137\ntrue 137\nfalse 0\n", """
                $DOCKER run --rm --memory 64m busybox %1$s > /dev/null 2>&1; echo $?
                $DOCKER run -d --name cc --memory 64m busybox sh -c "%1$s; sleep 1000" > /dev/null
                await sh -c "$DOCKER events --since 10m --until 0s --filter event=oom --filter container=cc | grep oom"
                $DOCKER kill cc > /dev/null; $DOCKER wait cc > /dev/null
                $DOCKER inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' cc
                $DOCKER run --name dd --memory 64m busybox true
                $DOCKER inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' dd
                """.formatted(eat));
    }

    @Test
    void limitsHoldAndAreSeen() throws IOException, InterruptedException {
        engine.shows("67108864\n50000 100000\n20\nsh: can't fork: Resource temporarily unavailable\n", """
                $DOCKER run --rm --memory 64m --cpus 0.5 --pids-limit 20 busybox sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max
                    i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done' 2>&1""");
        engine.shows("ok\n", """
                $DOCKER run -d --name cc --memory 64m busybox > /dev/null
                $DOCKER stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' cc > $D/stats
                grep -q '^cc .*MiB / .*iB [1-9]' $D/stats && echo ok || cat $D/stats""");
    }
}
