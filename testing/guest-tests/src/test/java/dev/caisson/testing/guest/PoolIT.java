package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Warm sandboxes: {@code create} takes one, it is used once, another one takes its place, and nothing is left. */
@Timeout(value = 900)
final class PoolIT {
    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        bundle = BusyboxBundle.make();
        bundle.configure("echo started; while true; do sleep 1; done", "", "");
        shell("sed -i 's/,{\"type\":\"user\"}//' config.json"); // such containers have sandboxes of their own
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            shell("for id in $($R list -q); do $R delete --force $id; done; $CAISSON pool stop");
            bundle.close();
        }
    }

    private Outcome shell(String script) throws IOException, InterruptedException {
        return bundle.shell("export CAISSON_POOL=$D/pool; status() { $R state c | tr -d ' \"' | grep ^status: | tr -d ,; }; " + script);
    }

    private static void assertOutput(String expected, Outcome outcome) {
        assertEquals(expected, outcome.output(), outcome.toString());
    }

    @Test
    void aContainerTakesASandboxAndAnotherOneIsMade() throws Exception {
        assertOutput("""
                1 of 1
                1 used
                status:created
                status:running
                hello
                started
                status:stopped
                0 used
                1 of 1
                """, shell("""
                $CAISSON pool start 1 | cut -d' ' -f1-3
                $R create -b . --pid-file $D/pid c </dev/null >$D/out 2>&1 || cat $D/out
                echo $(ls $D/pool/used | wc -l) used
                status
                $R start c
                status
                $R exec c /bin/sh -c 'echo hello'
                await 'grep -q started $D/out'
                cat $D/out
                $R kill c KILL
                await 'status | grep -q stopped'
                status
                $R delete c
                echo $(ls $D/pool/used | wc -l) used
                $CAISSON pool start 1 | cut -d' ' -f1-3
                """));
    }

    @Test
    void aChangedConfigurationAndADeadSandboxAreNotTaken() throws Exception {
        assertOutput("""
                0 used
                0
                """, shell("""
                $CAISSON pool start 1 >/dev/null
                CAISSON_JAVA_OPTIONS=-Dother=1 $R create -b . c </dev/null >$D/out 2>&1 || cat $D/out
                echo $(ls $D/pool/used | wc -l) used
                $R delete --force c
                $CAISSON pool start 1 >/dev/null
                kill -9 $(grep -o '"sandbox":[0-9]*' $D/pool/free/*/member.json | cut -d: -f2)
                $R create -b . d </dev/null >$D/out 2>&1
                echo $?
                """));
    }

    @Test
    void stopLeavesNothing() throws Exception {
        assertOutput("gone\n", shell("""
                $CAISSON pool start 2 >/dev/null
                pids=$(cat $D/pool/free/*/member.json | grep -o '"process":[0-9]*' | cut -d: -f2)
                $CAISSON pool stop >/dev/null
                for pid in $pids; do kill -0 $pid 2>/dev/null && echo $pid; done
                ls $D/pool 2>/dev/null || echo gone
                """));
    }
}
