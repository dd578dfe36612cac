package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Pods as containerd and CRI-O make them: a sandbox container, and others whose annotations name it. Each of them has its own root, streams,
 * process on the host and end. oci/shim.py stands for containerd's shim.
 */
@Timeout(value = 600)
final class PodIT {
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    private static final String OWN_PIDS = "{\"type\":\"pid\"}";
    private static final String POD_PIDS = "{\"type\":\"pid\",\"path\":\"/proc/@/ns/pid\"}";

    private Path directory;

    @BeforeEach
    void bundles() throws IOException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no " + BUSYBOX);
        directory = Files.createTempDirectory("caisson-pod");
        for (String name : List.of("pause", "a", "b")) {
            Path bin = Files.createDirectories(directory.resolve(name + "/rootfs/bin"));
            Files.copy(BUSYBOX, bin.resolve("busybox"));
            for (String command : List.of("sh", "cat", "sleep", "true", "readlink", "ls", "touch", "hostname", "tty", "stty", "grep", "id", "head",
                    "tr")) {
                Files.createSymbolicLink(bin.resolve(command), Path.of("busybox"));
            }
            for (String mountPoint : List.of("proc", "dev", "tmp")) {
                Files.createDirectory(directory.resolve(name + "/rootfs/" + mountPoint));
            }
        }
        configure("pause", "sandbox", OWN_PIDS, "exec sleep 1000", "");
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (directory != null) {
            shell("for id in $($R list -q | sort -r); do $R delete --force $id; done");
            Runner.deleteTree(directory);
        }
    }

    /**
     * Writes a bundle's config.json as containerd does; {@code @} in it is for the number of the sandbox' process, which {@code member} puts
     * in.
     */
    private void configure(String name, String type, String pids, String script, String more) throws IOException {
        boolean isSandbox = type.equals("sandbox");
        String shared = isSandbox ? "" : ",\"path\":\"/proc/@/ns/";
        Files.writeString(directory.resolve(name + "/config.json"), """
                {"ociVersion":"1.0.2","process":{"terminal":false,"args":["/bin/sh","-c",%s],"env":["PATH=/bin"],"cwd":"/"},
                 "root":{"path":"rootfs"},%s"annotations":{"io.kubernetes.cri.container-type":"%s","io.kubernetes.cri.sandbox-id":"pause"},
                 "mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs","options":["mode=755"]},
                  {"destination":"/dev/pts","type":"devpts","options":["newinstance","ptmxmode=0666"]}],
                 "linux":{"namespaces":[%s,{"type":"mount"},{"type":"uts"%s},{"type":"ipc"%s}]}%s}
                """.formatted('"' + script.replace("\\", "\\\\").replace("\"", "\\\"") + '"', isSandbox ? "\"hostname\":\"pod\"," : "", type, pids,
                isSandbox ? "" : shared + "uts\"", isSandbox ? "" : shared + "ipc\"", more));
    }

    private void member(String name, String script) throws IOException {
        configure(name, "container", OWN_PIDS, script, "");
    }

    /**
     * Runs a script in the directory: {@code $R} is the command with a root of its own; {@code pod} starts the sandbox, {@code member NAME}
     * creates one more container.
     */
    private Outcome shell(String script) throws IOException, InterruptedException {
        return Runner.shell("D=" + directory + "; cd $D; R=\"$CAISSON --root $D/r\"; export R D\n" + """
                cat > $D/functions <<'END'
                pod() { $R create -b pause --pid-file $D/pause.pid pause > $D/pause.out 2>&1 && $R start pause; }
                member() { name=$1; shift; sed -i "s/@/$(cat $D/pause.pid)/g" $name/config.json
                    $R create -b $name --pid-file $D/$name.pid "$@" $name; }
                until_() { n=0; until eval "$1"; do n=$((n+1)); [ $n -lt 4000 ] || { echo "never: $1"; return 1; }; sleep 0.05; done; }
                await() { until_ "grep -q '$2' $1"; }
                stopped() { until_ "$R state $1 | grep -q stopped"; }
                END
                . $D/functions; shim() { python3\s""" + Runner.MODULE.resolve("oci/shim.py") + " \"$@\"; }\n" + script);
    }

    private static void assertOutput(String expected, Outcome outcome) {
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void containersOfAPodHaveTheirOwnRootsStreamsAndEnds() throws IOException, InterruptedException {
        // While it waits it has two processes, no more and no fewer: they are counted.
        String script = "hostname; readlink /proc/self/ns/ipc > /ipc; readlink /proc/self/ns/pid > /pid; cat; echo $$ /proc/[0-9]*; echo e%s >&2;"
                + " sleep 1000 & trap 'kill $!' USR1; : > /is-%s; : > /up; wait; ls -d /is-*; exit %d";
        member("a", script.formatted("a", "a", 5));
        member("b", script.formatted("b", "b", 6));
        Outcome outcome = shell("""
                shim --wait $D/a.pid --wait $D/b.pid --wait $D/pause.pid -- sh -c '. $D/functions
                    pod
                    echo in a | member a > a.out 2> a.err; echo in b | member b > b.out 2> b.err
                    $R start a; $R start b
                    until_ "[ -e a/rootfs/up ] && [ -e b/rootfs/up ]"
                    $R exec pause sh -c "readlink /proc/self/ns/ipc" > ipc; cmp ipc a/rootfs/ipc && cmp ipc b/rootfs/ipc && echo one ipc
                    cmp -s a/rootfs/pid b/rootfs/pid || echo two pids
                    for c in pause a b; do $R ps $c | grep -c -v UID; done
                    $R ps --format json a | grep -c "$(cat a.pid)"
                    $R kill a USR1; $R wait a; $R state a | grep status; $R delete a; ls r
                    $R exec b sh -c "kill -0 1 && echo b goes on"
                    $R kill b USR1; $R wait b; $R delete b; $R kill pause KILL; stopped pause; $R delete pause; ls r'
                cat a.out b.out a.err b.err pause.out
                """);
        assertOutput("""
                one ipc
                two pids
                1
                2
                2
                1
                {"id":"a","exitStatus":5}
                  "status":"stopped",
                b
                pause
                b goes on
                {"id":"b","exitStatus":6}
                exit 5
                exit 6
                signal 9
                pod
                in a
                1 /proc/1
                /is-a
                pod
                in b
                1 /proc/1
                /is-b
                ea
                eb
                """, outcome);
    }

    @Test
    void pauseAndKillAreOfOneContainer() throws IOException, InterruptedException {
        member("a", "trap 'echo term; exit 3' TERM; echo up; while :; do sleep 0.05; done");
        member("b", "echo up; exec sleep 1000");
        assertOutput("""
                  "status":"paused",
                  "status":"running",
                b runs
                term
                exit 3
                signal 9
                signal 9
                """, shell("""
                shim --wait $D/a.pid --wait $D/b.pid --wait $D/pause.pid -- sh -c '. $D/functions
                    pod; member a > a.out; member b > b.out; $R start a; $R start b; await a.out up; await b.out up
                    $R pause a; for c in a b; do $R state $c | grep status; done
                    $R exec b sh -c "echo b runs"
                    $R kill a TERM; $R resume a; $R wait a > /dev/null; grep term a.out
                    kill -9 $(cat b.pid); stopped b; $R delete b; $R delete a; $R delete -f pause; ls r'
                """));
    }

    /** The containers of a pod have limits of their own in the one kernel. */
    @Test
    void aLimitOfMemoryIsOfOneContainer() throws IOException, InterruptedException {
        String limit = ",\"cgroupsPath\":\"/caisson-test-" + directory.getFileName() + "-b\",\"resources\":{\"memory\":{\"limit\":33554432}}";
        member("a", "x=$(head -c 50000000 /dev/zero | tr '\\0' a); echo ${#x}; echo up; exec sleep 1000");
        configure("b", "container", OWN_PIDS, "echo up; read x; x=$(head -c 50000000 /dev/zero | tr '\\0' a); echo never", "");
        Files.writeString(directory.resolve("b/config.json"),
                Files.readString(directory.resolve("b/config.json")).replaceFirst("\"linux\":\\{", "\"linux\":{" + limit.substring(1) + ","));
        assertOutput("""
                50000000
                up
                oom
                {"id":"b","exitStatus":137}
                33554432
                a goes on
                killed in b
                pause
                signal 9
                signal 9
                signal 9
                """, shell("""
                mkfifo $D/go
                shim --wait $D/a.pid --wait $D/b.pid --wait $D/pause.pid -- sh -c '. $D/functions
                    pod; member a > a.out; $R start a; await a.out up; cat a.out
                    member b < $D/go > b.out & exec 3> $D/go; wait; $R start b; await b.out up
                    $R events --interval 1s b > events & watcher=$!; await events stats; echo >&3; exec 3>&-
                    await events \\"oom\\"; grep -o -m 1 \\"oom\\" events | tr -d \\"; $R wait b; wait $watcher
                    grep -o limit\\":33554432 events | head -n 1 | cut -d: -f2
                    $R exec a sh -c "echo a goes on"
                    grep -q "Memory cgroup out of memory: Killed process" r/pause/sandbox.log && echo killed in b
                    $R delete b; $R delete -f a; $R kill pause KILL; stopped pause; $R delete pause; ls r; echo pause'
                """));
    }

    @Test
    void theEndOfTheSandboxIsThatOfAll() throws IOException, InterruptedException {
        member("a", "exec sleep 1000");
        member("b", "exec sleep 1000");
        for (String end : List.of("$R kill pause KILL", "kill -9 $(cat pause.pid)", "$R delete --force pause")) {
            assertOutput("  \"status\":\"stopped\",\n  \"status\":\"stopped\",\nsignal 9\nsignal 9\nsignal 9\n", shell("""
                    shim --wait $D/a.pid --wait $D/b.pid --wait $D/pause.pid -- sh -c '. $D/functions
                        pod; member a > a.out; member b > b.out; $R start a
                        %s; stopped a; stopped b
                        for c in a b; do $R state $c | grep status; $R delete $c; done
                        $R delete --force pause; ls r'
                    for c in a b; do sed -i "s/$(cat pause.pid)/@/g" $c/config.json; done
                    """.formatted(end)));
        }
    }

    @Test
    void aPodMayShareItsProcessNumbers() throws IOException, InterruptedException {
        configure("a", "container", POD_PIDS, "echo $$ > /first; sleep 1000 & echo $! > /other; echo up; exec sleep 1000", "");
        member("b", "[ -e /proc/$(cat /first) ] || echo b sees nobody; exec sleep 1000");
        assertOutput("""
                b sees nobody
                pause sees both
                2
                1
                the other is left
                the other is gone
                pause
                signal 15
                signal 9
                """, shell("""
                shim --wait $D/a.pid --wait $D/pause.pid -- sh -c '. $D/functions
                    pod; member a > a.out; $R start a; await a.out up; first=$(cat a/rootfs/first) other=$(cat a/rootfs/other)
                    echo $first > b/rootfs/first; member b > b.out; $R start b; await b.out sees; cat b.out
                    $R exec pause sh -c "kill -0 $first && kill -0 $other && echo pause sees both"
                    for c in a pause; do $R ps $c | grep -c -v UID; done
                    $R kill a TERM; stopped a
                    $R exec pause sh -c "[ -e /proc/$other ] && echo the other is left"
                    $R delete a; $R exec pause sh -c "grep -q State:.[RS] /proc/$other/status || echo the other is gone"
                    $R delete -f b; ls r; $R delete -f pause'
                """));
    }

    @Test
    void whatCannotJoinIsRefusedByName() throws IOException, InterruptedException {
        member("a", "true");
        Outcome outcome = shell("""
                $R create -b a a
                pod
                sed 's/@/1/g' a/config.json > b/config.json; $R create -b b b
                sed -i "s/@/$(cat pause.pid)/g" a/config.json
                $R run -b a a
                $R create -b a pause
                sed 's/type":"container"/type":"box"/' a/config.json > b/config.json; $R create -b b b
                sed 's|"root":|"hooks":{"createRuntime":[{"path":"/bin/false"}]},"root":|' a/config.json > b/config.json; $R create -b b b
                sed 's|"mounts":.|&{"destination":"/m","type":"bind","source":"/no/such"},|' a/config.json > b/config.json; $R create -b b b
                member a > /dev/null; sed 's/:"pause"/:"a"/' a/config.json > b/config.json; $R create -b b b
                ls r
                """);
        assertOutput("a\npause\n", outcome);
        assertEquals("""
                caisson: create a: container does not exist: pause
                caisson: create b: linux.namespaces[2].path: the uts namespace /proc/1/ns/uts is that of no container in this sandbox, which cannot enter another one
                caisson: run a: a container of a pod runs in the background: run --detach, or create and start
                caisson: create pause: container with given ID already exists: pause
                caisson: create b: annotations["io.kubernetes.cri.container-type"]: is sandbox or container, not box
                caisson: create b: error running createRuntime hook #0: /bin/false: exit status 1
                caisson: create b: mounts[0].source: /no/such does not exist
                caisson: create b: annotations["io.kubernetes.cri.sandbox-id"]: a is no sandbox, but a container of one
                """, outcome.errors());
    }

    @Test
    void aMemberMayHaveATerminal() throws IOException, InterruptedException {
        member("a", "trap 'stty size; exit 3' WINCH; tty; stty size; echo ready; while :; do sleep 0.05; done");
        Path config = directory.resolve("a/config.json");
        Files.writeString(config, Files.readString(config).replace("\"terminal\":false", "\"terminal\":true,\"consoleSize\":{\"height\":20,\"width\":70}"));
        assertOutput("console /dev/ptmx\nexit 3\n", shell("""
                pod; shim --wait $D/a.pid --console $D/s expect:/dev/ expect:'20 70' expect:ready size:33x101 expect:'33 101' -- sh -c '. $D/functions
                    member a --console-socket $D/s && $R start a && $R wait a > /dev/null && $R delete a'
                """));
    }
}
