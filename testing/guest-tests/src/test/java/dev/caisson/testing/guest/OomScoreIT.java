package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * process.oomScoreAdj on the host: that of all processes of a sandbox, of a pod the lowest of its containers. Values are raised only, which everybody
 * may do; the tests' own is below.
 */
@Timeout(value = 600)
final class OomScoreIT {
    private static final String PROCESS = "\"process\":{";
    /** All processes below one, with what each has. Those of a sandbox that waits stand still, but for some that end meanwhile. */
    private static final String FUNCTIONS = """
            tree() { for p in $(cat /proc/$1/task/*/children 2>/dev/null); do echo $p; tree $p; done; }
            scores() { for p in $(tree $1); do cat /proc/$p/oom_score_adj 2>/dev/null; done | sort -u; }
            score() { cat /proc/$1/oom_score_adj; }
            """;
    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException {
        assumeTrue(Integer.parseInt(Files.readString(Path.of("/proc/self/oom_score_adj")).strip()) < 100, "these tests' own oom_score_adj is high");
        assumeTrue(Files.exists(Path.of("/proc/thread-self/children")), "this host shows no children");
        bundle = BusyboxBundle.make();
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.close();
        }
    }

    private void put(String text) throws IOException {
        Path config = bundle.directory.resolve("b/config.json");
        Files.writeString(config, Files.readString(config).replace(PROCESS, PROCESS + text));
    }

    private void assertShows(String expected, String script) throws IOException, InterruptedException {
        Outcome outcome = bundle.shell(FUNCTIONS + script);
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void allProcessesOfASandboxHaveTheContainersScore() throws IOException, InterruptedException {
        bundle.configure("cat /proc/self/oom_score_adj; exec sleep 1000", "", "");
        put("\"oomScoreAdj\":321,");
        assertShows("321\n321\n321\n", """
                $R run -d --pid-file ../pid c </dev/null > ../out; await 'grep -q 321 ../out'; cat ../out
                score $(cat ../pid); scores $(cat ../pid)
                """);
    }

    @Test
    void whatIsNotSaidIsInherited() throws IOException, InterruptedException {
        bundle.configure("exec sleep 1000", "", "");
        assertShows("777\n777\n", """
                sh -c 'echo 777 > /proc/self/oom_score_adj; exec "$@"' sh $R run -d --pid-file ../pid c </dev/null >/dev/null
                score $(cat ../pid); scores $(cat ../pid)
                """);
    }

    /** The host does not let everybody lower it. */
    @Test
    void whatTheHostRefusesIsToldAndNothingElse() throws IOException, InterruptedException {
        bundle.configure("exec sleep 1000", "", "");
        put("\"oomScoreAdj\":-900,");
        assumeTrue(Runner.shell("setpriv --bounding-set -sys_resource true").status() == 0, "only root gives capabilities up");
        Outcome outcome = bundle.shell(FUNCTIONS + """
                score self > ../own
                setpriv --bounding-set -sys_resource --inh-caps -sys_resource $R --log ../log run -d --pid-file ../pid c </dev/null >/dev/null 2>&1; echo $?
                scores $(cat ../pid) | cmp - ../own && echo inherited; grep -c 'process.oomScoreAdj: the host does not permit -900: Permission denied' ../log
                """);
        assertEquals("0\ninherited\n1\n", outcome.output(), outcome::toString);
    }

    @Test
    void aPodsSandboxHasTheLowestOfItsContainers() throws IOException, InterruptedException {
        String annotations = ",\"annotations\":{\"io.kubernetes.cri.container-type\":\"%s\",\"io.kubernetes.cri.sandbox-id\":\"pause\"}";
        for (String[] each : new String[][] {{"pause", "sandbox", "700"}, {"a", "container", "400"}, {"b", "container", "200"}, {"c", "container", "300"}}) {
            bundle.configure("exec sleep 1000", "", annotations.formatted(each[1]));
            put("\"oomScoreAdj\":" + each[2] + ",");
            Files.move(bundle.directory.resolve("b/config.json"), bundle.directory.resolve(each[0] + ".json"));
        }
        Outcome outcome = bundle.shell(FUNCTIONS + """
                take() { cp ../$1.json config.json; $R create --pid-file ../$1.pid $1 </dev/null >/dev/null 2>../errors || cat ../errors; }
                score self > ../own; take pause; S=$(cat ../pause.pid)
                [ "$(scores $S)" = "$(cat ../own)" ] && echo inherited; score $S
                for c in a b c; do take $c; echo $c $(score $(cat ../$c.pid)) sandbox $(scores $S); done
                $R start b; $R delete --force b; echo without b $(scores $S)
                $R delete --force a; $R delete --force c
                [ "$(scores $S)" = "$(score $(cut -d' ' -f4 /proc/$S/stat))" ] && echo reset
                """);
        assertEquals("inherited\n700\na 400 sandbox 400\nb 200 sandbox 200\nc 300 sandbox 200\nwithout b 300\nreset\n", outcome.output(), outcome::toString);
    }
}
