package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The commands of OCI runtimes with a bundle of busybox, as a client uses them: every transition of a container's life, its exit as the
 * process of the pid file tells it, other programs in it, terminals by console socket, and that nothing is left. oci/shim.py stands for
 * containerd's shim.
 */
@Timeout(value = 600)
final class OciLifeCycleIT {
    private static final Path BUSYBOX = Path.of("/bin/busybox");

    private Path directory;

    @BeforeEach
    void bundle() throws IOException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no " + BUSYBOX);
        directory = Files.createTempDirectory("caisson-oci");
        Path bin = Files.createDirectories(directory.resolve("b/rootfs/bin"));
        Files.copy(BUSYBOX, bin.resolve("busybox"));
        for (String name : List.of("sh", "cat", "sleep", "true", "id", "env", "stty", "tty", "ls", "touch")) {
            Files.createSymbolicLink(bin.resolve(name), Path.of("busybox"));
        }
        for (String name : List.of("proc", "dev", "sys", "tmp")) {
            Files.createDirectory(directory.resolve("b/rootfs/" + name));
        }
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (directory != null) {
            shell("for id in $($R list -q); do $R delete --force $id; done");
            Runner.deleteTree(directory);
        }
    }

    /** Runs a script: {@code $R} is the command with a root of its own, {@code $D} the directory; the bundle is where it runs. */
    private Outcome shell(String script) throws IOException, InterruptedException {
        return Runner.shell("D=" + directory + "; R=\"$CAISSON --root $D/r\"; shim() { python3 " + Runner.MODULE.resolve("oci/shim.py")
                + " \"$@\"; }; cd $D/b; " + script);
    }

    private static String process(boolean isTerminal, String script) {
        return """
                "process":{"terminal":%s,"user":{"uid":0,"gid":0},"args":["/bin/sh","-c",%s],"env":["PATH=/bin","KEY=value"],"cwd":"/",
                 "capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"]}}"""
                .formatted(isTerminal, '"' + script.replace("\\", "\\\\").replace("\"", "\\\"") + '"');
    }

    private void configure(boolean isTerminal, String script, String more) throws IOException {
        Files.writeString(directory.resolve("b/config.json"), """
                {"ociVersion":"1.0.2",%s,"root":{"path":"rootfs"},"hostname":"box","annotations":{"a.b":"c"},
                 "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
                  {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755"]},
                  {"destination":"/dev/pts","type":"devpts","source":"devpts","options":["newinstance","ptmxmode=0666"]}],
                 "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"uts"},{"type":"ipc"}]}%s}
                """.formatted(process(isTerminal, script), more));
    }

    private void configure(String script) throws IOException {
        configure(false, script, "");
    }

    private static void assertOutput(String expected, Outcome outcome) {
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void aContainerGoesFromCreatedToStoppedAndLeavesNothing() throws IOException, InterruptedException, JsonParserException {
        configure("cat /proc/sys/kernel/hostname; while [ ! -e /go ]; do sleep 0.05; done; echo to stderr >&2; exit 7");
        Outcome made = shell("""
                shim --wait $D/pid -- sh -c '
                    set -e
                    R="'"$R"'"
                    $R create --pid-file ../pid one
                    $R state one > ../created
                    ! $R delete other 2> ../e1
                    ! $R create one 2> ../e2
                    $R start one
                    $R state one > ../running
                    ! $R start one 2> ../e3
                    ! $R delete one 2> ../e4
                    echo > rootfs/go
                    $R wait one
                    ! $R start one 2> ../e5
                    ! $R kill one 2> ../e6
                    $R state one > ../stopped
                    $R delete one
                    ls ../r'
                """);
        assertOutput("box\n{\"id\":\"one\",\"exitStatus\":7}\nexit 7\n", made);
        assertEquals("to stderr\n", made.errors());
        JsonObject created = JsonParser.object().from(Files.readString(directory.resolve("created")));
        String pid = Files.readString(directory.resolve("pid"));
        assertEquals("created", created.getString("status"));
        assertEquals(pid, Integer.toString(created.getInt("pid")));
        assertEquals("one", created.getString("id"));
        assertEquals("1.0.2", created.getString("ociVersion"));
        assertEquals(directory.resolve("b").toString(), created.getString("bundle"));
        assertEquals("c", created.getObject("annotations").getString("a.b"));
        assertEquals("running", JsonParser.object().from(Files.readString(directory.resolve("running"))).getString("status"));
        JsonObject stopped = JsonParser.object().from(Files.readString(directory.resolve("stopped")));
        assertEquals("stopped", stopped.getString("status"));
        assertEquals(0, stopped.getInt("pid"));
        assertError(1, "delete other: container does not exist: other");
        assertError(2, "create one: container with given ID already exists: one");
        assertError(3, "start one: cannot start an already running container");
        assertError(4, "delete one: cannot delete container one that is not stopped: running");
        assertError(5, "start one: cannot start a container that has stopped");
        assertError(6, "kill one: container not running");
    }

    private void assertError(int number, String message) throws IOException {
        assertEquals("caisson: " + message + "\n", Files.readString(directory.resolve("e" + number)));
    }

    @Test
    void theProcessOfThePidFileEndsAsTheProgramDoes() throws IOException, InterruptedException {
        // Process 1 gets no signal whose action is the default one, but for SIGKILL from outside.
        configure("trap 'exit 3' TERM; trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done");
        assertOutput("usr1\nexit 3\nsignal 9\nsignal 9\nexit 3\n", shell("""
                shim --wait $D/pid1 --wait $D/pid2 --wait $D/pid3 --wait $D/pid4 -- sh -c '
                    R="'"$R"'"
                    await() { while ! grep -q $2 $1; do sleep 0.05; done; }
                    for i in 1 2 3 4; do $R create --pid-file ../pid$i c$i > ../out$i 2>&1; done
                    $R start c1; $R start c2; $R start c4
                    for i in 1 2 4; do await ../out$i ready; done
                    $R kill c1 HUP; $R kill c1 SIGUSR1; await ../out1 usr1; $R kill c1
                    $R kill --all c2 9
                    $R kill c3 KILL
                    kill -TERM $(cat ../pid4)
                    for i in 1 2 3 4; do $R wait c$i > ../wait$i; $R delete c$i; done
                    sed -n 2p ../out1'
                """));
        assertEquals("{\"id\":\"c2\",\"exitStatus\":137}\n", Files.readString(directory.resolve("wait2")));
        assertEquals("", Files.readString(directory.resolve("out3")));
    }

    @Test
    void deleteForceEndsAContainerInEveryStateAndItsProcesses() throws IOException, InterruptedException {
        configure("sleep 1000 & sleep 1000");
        Outcome outcome = shell("""
                shim --wait $D/p1 --wait $D/p2 --wait $D/p3 -- sh -c '
                    R="'"$R"'"
                    for i in 1 2 3; do $R create --pid-file ../p$i c$i > /dev/null; done
                    $R start c2; $R start c3; $R pause c3; $R state c3 | grep status
                    $R exec c3 true
                    $R delete c1
                    for i in 2 3 4; do $R delete --force c$i || echo failed; done
                    ls ../r'
                """);
        assertOutput("  \"status\":\"paused\",\nsignal 9\nsignal 9\nsignal 9\n", outcome);
        assertEquals("caisson: exec c3: cannot exec in a paused container (use --ignore-paused to override)\n", outcome.errors());
    }

    @Test
    void aSandboxThatIsKilledIsAContainerThatStopped() throws IOException, InterruptedException {
        configure("sleep 1000");
        assertOutput("  \"status\":\"stopped\",\nsignal 9\n", shell("""
                shim --wait $D/pid -- sh -c '
                    R="'"$R"'"
                    $R run -d --pid-file ../pid c
                    kill -9 $(cat ../pid)
                    while $R state c | grep -q running; do sleep 0.05; done
                    $R state c | grep status
                    $R delete c
                    ls ../r'
                """));
    }

    @Test
    void otherProgramsRunInAContainerWithTheirOwnStreamsAndExit() throws IOException, InterruptedException {
        configure("sleep 1000");
        Files.writeString(directory.resolve("p.json"), process(false, "echo $KEY; exec 2>&1; read x; echo got $x; exit 9").replaceFirst("^\"process\":", ""));
        Outcome outcome = shell("""
                shim --wait $D/e1 --wait $D/e2 --wait $D/e3 --wait $D/pid -- sh -c '
                    R="'"$R"'"
                    $R run -d --pid-file ../pid c > /dev/null
                    echo in | $R exec c sh -c "cat; exit 4"; echo $?
                    $R exec --cwd /tmp -e A=b --user 5:6 -g 7 c sh -c "pwd; echo \\$A \\$KEY; id -u; id -G; kill -9 \\$\\$"; echo $?
                    echo line | $R exec -d --process ../p.json --pid-file ../e1 c
                    $R exec -d --pid-file ../e2 c sh -c "trap \\"exit 6\\" TERM; touch /ready; while :; do sleep 0.05; done"
                    $R exec -d --pid-file ../e3 c sleep 1000
                    while [ ! -e rootfs/ready ]; do sleep 0.05; done
                    kill $(cat ../e2); kill -9 $(cat ../e3)
                    $R exec c no-such-program; echo $?
                    $R kill c KILL; $R wait c > /dev/null; $R delete c'
                """);
        assertOutput("in\n4\n/tmp\nb value\n5\n6 7\n137\nvalue\ngot line\n255\nexit 9\nexit 6\nsignal 9\nsignal 9\n", outcome);
        assertEquals("caisson: exec c: exec: \"no-such-program\": executable file not found in $PATH\n", outcome.errors());
    }

    @Test
    void aTerminalGoesToTheConsoleSocket() throws IOException, InterruptedException {
        configure(true, "trap 'stty size; exit 3' WINCH; tty; stty size; echo ready; while :; do sleep 0.05; done",
                "");
        Files.writeString(directory.resolve("b/config.json"),
                Files.readString(directory.resolve("b/config.json")).replace("\"user\":", "\"consoleSize\":{\"height\":20,\"width\":70},\"user\":"));
        assertOutput("console /dev/ptmx\nexit 3\n", shell("shim --wait $D/pid --console $D/s expect:/dev/ expect:'20 70' expect:ready size:33x101 expect:'33 101'"
                + " -- sh -c \"$R run -d --console-socket $D/s --pid-file $D/pid c && $R wait c > /dev/null && $R delete c\""));
        configure("sleep 1000");
        Files.writeString(directory.resolve("b/rootfs/job"), "trap '' HUP; trap 'echo bye; exit 4' INT; echo ready; while :; do sleep 0.05; done");
        assertOutput("console /dev/ptmx\nexit 4\nsignal 9\n", shell("shim --wait $D/e --wait $D/pid2 --console $D/s2 expect:ready 'send:\\x03' expect:bye"
                + " -- sh -c \"$R run -d --pid-file $D/pid2 d > /dev/null; $R exec -d -t --console-socket $D/s2 --pid-file $D/e d sh /job;"
                + " while grep -q ') [^Z]' /proc/\\$(cat $D/e)/stat; do sleep 0.05; done; $R delete --force d\""));
        // A key that is pressed before there is a process counts, too.
        assertOutput("console /dev/ptmx\nsignal 2\nsignal 9\n", shell("shim --wait $D/e3 --wait $D/pid3 --console $D/s3 'send:\\x03' drain"
                + " -- sh -c \"$R run -d --pid-file $D/pid3 e > /dev/null; $R exec -d -t --console-socket $D/s3 --pid-file $D/e3 e sleep 1000;"
                + " while grep -q ') [^Z]' /proc/\\$(cat $D/e3)/stat; do sleep 0.05; done; $R delete --force e\""));
    }

    @Test
    void aProgramInTheForegroundGoesOnWhenItsCommandIsKilled() throws IOException, InterruptedException {
        configure("sleep 1000");
        assertOutput("137\nexit 0\n", shell("""
                shim --wait $D/e -- sh -c '
                    R="'"$R"'"
                    $R run -d c > /dev/null
                    await() { while [ ! -e $1 ]; do sleep 0.05; done; }
                    $R exec c sh -c "touch /ready; while [ ! -e /go ]; do sleep 0.05; done; touch /done" & pid=$!
                    await rootfs/ready; kill -9 $pid; wait $pid; echo $?
                    touch rootfs/go; await rootfs/done
                    $R exec -d --pid-file ../e c true
                    while grep -q ") [^Z]" /proc/$(cat ../e)/stat; do sleep 0.05; done
                    $R delete --force c'
                """));
    }

    @Test
    void whatIsWrongIsFoundBeforeAnythingStartsAndIsLogged() throws IOException, InterruptedException {
        configure(true, "true", "");
        Outcome outcome = shell("""
                $R --log $D/text create c; echo $?
                $R --log $D/json --log-format json create c; echo $?
                $R --log-format xml list; echo $?
                $R create --no-such-flag c; echo $?
                $R create --bundle $D/nowhere c; echo $?
                $R create ../c; echo $?
                $R kill c NOSUCH; echo $?
                ls $D/r; true
                """);
        assertOutput("1\n1\n1\n1\n1\n1\n1\n", outcome);
        assertEquals(7 + 1, outcome.errors().lines().count(), outcome::toString); // and ls
        assertTrue(outcome.errors().contains("process.terminal is true; name a socket with --console-socket"), outcome::toString);
        assertTrue(outcome.errors().contains("--no-such-flag"), outcome::toString);
        assertTrue(Files.readString(directory.resolve("text")).matches("time=\"[^\"]+\" level=error msg=\"create c: .*\"\n"));
        assertTrue(Files.readString(directory.resolve("json")).matches("\\{\"level\":\"error\",\"msg\":\"create c: [^\n]*\",\"time\":\"[^\"]+\"}\n"));
        assertFalse(Files.exists(directory.resolve("r")));
        configure(false, "true", ",\"hooks\":{\"createRuntime\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo no >&2; exit 3\"]}]}");
        outcome = shell("$R create c; ls $D/r");
        assertOutput("", outcome);
        assertEquals("caisson: create c: error running createRuntime hook #0: /bin/sh: exit status 3, no\n", outcome.errors());
    }

    @Test
    void hooksGetTheStateAtTheirMoments() throws IOException, InterruptedException {
        String hook = "[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > " + directory + "/$0\",\"%s\"],\"timeout\":100}]";
        configure(false, "exit 2", ",\"hooks\":{\"prestart\":" + hook.formatted("prestart") + ",\"createRuntime\":" + hook.formatted("createRuntime")
                + ",\"poststart\":" + hook.formatted("poststart") + ",\"poststop\":" + hook.formatted("poststop") + "}");
        assertOutput("2\n", shell("$R run c; echo $?"));
        for (String[] each : new String[][] {{"prestart", "creating"}, {"createRuntime", "creating"}, {"poststart", "running"}, {"poststop", "stopped"}}) {
            String state = Files.readString(directory.resolve(each[0]));
            assertTrue(state.contains("\"id\":\"c\"") && state.contains("\"status\":\"" + each[1] + "\""), state);
        }
    }

    @Test
    void descriptorsArePassedOnAndOthersAreNot() throws IOException, InterruptedException {
        configure("ls /proc/self/fd | tr '\\n' ' '; cat <&3; echo out >&4");
        Files.writeString(directory.resolve("in"), "read\n");
        // One of the listed descriptors is that of the directory.
        assertOutput("0 1 2 3 4 5 read\n0\n", shell("ln -s busybox rootfs/bin/tr; $R run --preserve-fds 2 c 3<$D/in 4>$D/out 5<$D/in; echo $?"));
        assertEquals("out\n", Files.readString(directory.resolve("out")));
        Outcome refused = shell("$R run --preserve-fds 2 c 3<$D/in; echo $?");
        assertOutput("1\n", refused);
        assertEquals("caisson: run c: --preserve-fds=2: descriptor 4 is not open\n", refused.errors());
    }

    @Test
    void theOtherCommandsAnswerInTheirForms() throws IOException, InterruptedException, JsonParserException {
        configure("sleep 1000");
        Outcome outcome = shell("""
                $R run -d c > /dev/null
                $R list | tr -s ' ' | cut -d' ' -f1,3,4
                $R list -q
                $R ps c | tr -s ' ' | cut -d' ' -f1,2,3
                $R events --stats c > ../events
                $R update --memory 64M c; echo $?
                $R update --cpu-shares 5 c 2> ../update; echo $?
                $R pause c && $R resume c && $R resume c 2> ../resume; echo $?
                $R features > ../features
                mkdir ../spec; $R spec -b ../spec; $R spec -b ../spec 2> ../exists; echo $?
                $R help create | head -n 1
                """);
        assertOutput("ID STATUS BUNDLE\nc running " + directory.resolve("b") + "\nc\nUID PID PPID\n0 1 0\n0\n1\n1\n1\n"
                + "Usage: caisson create [OPTION...] CONTAINER\n", outcome);
        assertEquals("", outcome.errors());
        assertTrue(JsonParser.object().from(Files.readString(directory.resolve("features"))).has("ociVersionMin"));
        assertEquals("stats", JsonParser.object().from(Files.readString(directory.resolve("events"))).getString("type"));
        assertEquals("caisson: resume c: container not paused\n", Files.readString(directory.resolve("resume")));
        assertTrue(Files.readString(directory.resolve("update")).startsWith("caisson: update has no option --cpu-shares"));
        assertTrue(JsonParser.object().from(Files.readString(directory.resolve("spec/config.json"))).has("process"));
    }
}
