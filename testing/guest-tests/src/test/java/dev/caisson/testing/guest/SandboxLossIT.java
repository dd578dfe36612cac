package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A sandbox whose Java process is lost: its container ends with a status that is not 0, and one line in each log says why. */
@Timeout(value = 900)
final class SandboxLossIT {
    /** Shows the lines about a loss in a file, their time as T; {@code stopped} waits for the end of a container. */
    private static final String FUNCTIONS = """
            lines() { grep -h 'was lost' "$@" | sed 's/20[0-9]*-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z/T/'; }
            java_of() { ps -o pid= --ppid $(cat ../pid) | tr -d ' '; }
            is_now() { [ $(($(date +%s) - $(date -d "$(grep -h -o '20[-0-9]*T[0-9:]*Z' $1 | tail -n 1)" +%s))) -lt 86400 ] && echo today; }
            """;

    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("unshare -U true").status() == 0, "this host allows no user namespaces");
        bundle = BusyboxBundle.make();
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.close();
        }
    }

    private void assertShows(String expected, String script) throws IOException, InterruptedException {
        Outcome outcome = bundle.shell(FUNCTIONS + script);
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void whoKillsItIsTold() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", "", "");
        assertShows("""
                {"id":"lost-a","exitStatus":137}
                time="T" level=error msg="run lost-a: the sandbox was lost: it was killed by signal 9"
                T [launcher] ERROR run lost-a: the sandbox was lost: it was killed by signal 9
                today
                {"id":"lost-b","exitStatus":137}
                {"level":"error","msg":"create lost-b: the sandbox was lost: it was killed by signal 9","time":"T"}
                T [launcher] ERROR create lost-b: the sandbox was lost: it was killed by signal 9
                """, """
                $R --log $D/text run -d --pid-file ../pid lost-a </dev/null >/dev/null
                kill -9 $(java_of); $R wait lost-a; lines $D/text $D/r/lost-a/sandbox.log; is_now $D/text; $R delete lost-a
                $R --log $D/json --log-format json create --pid-file ../pid lost-b </dev/null >/dev/null
                kill -9 $(java_of); $R wait lost-b; lines $D/json $D/r/lost-b/sandbox.log; $R delete lost-b
                """);
    }

    /** What the Java runtime says about it itself is none of the container's output. */
    @Test
    void aCrashOfTheJavaRuntimeIsTold() throws IOException, InterruptedException {
        bundle.configure("echo output; sleep 1000", "", "");
        assertShows("""
                {"id":"lost-a","exitStatus":127}
                time="T" level=error msg="run lost-a: the sandbox was lost: it exited with status 127: the Java runtime aborted"
                T [launcher] ERROR run lost-a: the sandbox was lost: it exited with status 127: the Java runtime aborted
                output
                """, """
                $R --log $D/text run -d --pid-file ../pid lost-a </dev/null >../out 2>&1
                await 'grep -q output ../out'
                kill -SEGV $(java_of); $R wait lost-a; lines $D/text $D/r/lost-a/sandbox.log; cat ../out
                """);
    }

    @Test
    void theEndOfItsHeapIsTold() throws IOException, InterruptedException {
        bundle.configure("i=0; while :; do : > /dev/$i-name-that-is-not-short-and-takes-memory; i=$((i + 1)); done", "", "");
        assertShows("""
                {"id":"lost-a","exitStatus":3}
                time="T" level=error msg="run lost-a: the sandbox was lost: it exited with status 3: the Java runtime has no heap left"
                """, """
                CAISSON_JAVA_OPTIONS=-Xmx28m $R --log $D/text run -d --pid-file ../pid lost-a </dev/null >../out 2>&1
                $R wait lost-a; lines $D/text; cat ../out
                """);
    }

    @Test
    void aContainerInTheForegroundEndsAndIsRemoved() throws IOException, InterruptedException {
        bundle.configure("echo ready; sleep 1000", "", "");
        assertShows("""
                137
                time="T" level=error msg="run lost-a: the sandbox was lost: it was killed by signal 9"
                """, """
                { $R --log $D/text run --pid-file ../pid lost-a </dev/null >../out; echo $? > ../status; } &
                await 'grep -q ready ../out'
                kill -9 $(java_of); wait; cat ../status; lines $D/text; ls $D/r
                """);
    }

    /** What serves a container's files is started again, also where nothing of the host has a name. */
    @Test
    void aGoferThatIsLostIsStartedAgain() throws IOException, InterruptedException {
        bundle.configure("i=0; while [ ! -e /stop ]; do i=$((i + 1)); echo $i > /count; cat /count > /copy; done; cmp /count /copy && echo over", "", "");
        assertShows("""
                swapped rootfs hostdir -> 9p
                told
                told
                {"id":"lost-a","exitStatus":0}
                over
                """, """
                below() { for p in $(ps -o pid= --ppid $1); do echo $p; below $p; done; }
                gofer() { for p in $(below $(cat ../pid)); do tr '\\0' ' ' < /proc/$p/cmdline | grep -q gofer.Gofer && echo $p; done; }
                $R run -d --pid-file ../pid lost-a </dev/null >../out 2>&1
                await '[ -s rootfs/copy ]'
                $R swap lost-a rootfs 9p 2>&1 | sed 's/, pause .*//'
                for n in 1 2; do
                    await '[ "$(gofer)" ]'
                    kill -9 $(gofer); was=$(cat rootfs/count)
                    await '[ "$(cat rootfs/count)" != "$was" ]'
                    await '[ $(grep -c "connected to the server again" $D/r/lost-a/sandbox.log) -ge '$n' ]'
                    echo told
                done
                touch rootfs/stop; $R wait lost-a; cat ../out
                """);
    }

    /** A line is of a loss only. */
    @Test
    void anEndIsNoLoss() throws IOException, InterruptedException {
        bundle.configure("exit 3", "", "");
        assertShows("3\n{\"id\":\"lost-b\",\"exitStatus\":3}\n1\n", """
                $R --log $D/text run lost-a </dev/null; echo $?
                $R --log $D/text run -d lost-b </dev/null; $R wait lost-b
                sed -i 's,"/bin/sh","/bin/nosuch",' config.json
                $R --log $D/text run lost-c </dev/null 2>/dev/null; echo $?
                lines $D/text $D/r/*/sandbox.log
                """);
    }
}
