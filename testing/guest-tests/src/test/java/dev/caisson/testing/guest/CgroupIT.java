package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Limits of a container: on the host, in its kernel, and as its programs see them. */
@Timeout(value = 900)
final class CgroupIT {
    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        assumeTrue((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0, "making control groups is root's");
        assumeTrue(Runner.shell("grep -q ' - cgroup' /proc/self/mountinfo").status() == 0, "this host shows no control groups");
        bundle = BusyboxBundle.make();
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.close();
        }
    }

    /** A name that no other run has. */
    private String group() {
        return "/caisson-test-" + bundle.directory.getFileName();
    }

    @Test
    void allProcessesOfTheSandboxAreInTheGroupAndItGoesWithTheContainer() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", ",\"cgroupsPath\":\"" + group() + "\",\"resources\":{\"pids\":{\"limit\":50},\"cpu\":{\"shares\":512}}", "");
        Outcome outcome = bundle.shell("""
                G=%s
                $R run -d --pid-file ../pid c </dev/null >/dev/null
                $R exec -d --pid-file ../companion c sleep 1000 </dev/null >/dev/null
                all() { echo $1; for p in $(ps -o pid= --ppid $1); do all $p; done; }
                for p in $(all $(cat ../pid)) $(cat ../companion); do
                    grep -q "pids:$G\\$\\|^0::$G\\$" /proc/$p/cgroup || { [ -e /proc/$p ] && cat /proc/$p/cgroup; }
                done
                find /sys/fs/cgroup -path "*$G" | grep -q . && echo there
                cat $(find /sys/fs/cgroup -path "*$G/pids.max") > ../max
                $R delete --force c
                find /sys/fs/cgroup -path "*$G"
                """.formatted(group()));
        assertEquals("there\n", outcome.output(), outcome::toString);
        String max = Files.readString(bundle.directory.resolve("max")).strip();
        assertTrue(!max.equals("max") && Integer.parseInt(max) > 50, max);
    }

    @Test
    void programsSeeTheirLimitsAndUpdatesOfThem() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", ",\"cgroupsPath\":\"" + group() + "\",\"resources\":{\"memory\":{\"limit\":104857600,\"swap\":209715200},"
                + "\"cpu\":{\"quota\":50000,\"period\":100000,\"shares\":512},\"pids\":{\"limit\":30}}", "");
        Outcome outcome = bundle.shell("""
                show='cd /sys/fs/cgroup; cat memory.max memory.swap.max cpu.max cpu.weight pids.max; grep MemTotal /proc/meminfo; nproc'
                $R run -d c </dev/null >/dev/null
                $R exec c sh -c "$show"
                $R update --memory 67108864 --cpu-quota 70000 --cpu-share 1024 --pids-limit 9 c
                $R exec c sh -c "$show"
                """);
        assertEquals("""
                104857600
                104857600
                50000 100000
                20
                30
                MemTotal:         102400 kB
                1
                67108864
                142606336
                70000 100000
                39
                9
                MemTotal:          65536 kB
                1
                """, outcome.output(), outcome::toString);
    }

    @Test
    void tooManyTasksAreRefusedAndTooMuchMemoryKillsAProcessOfTheGuest() throws IOException, InterruptedException, JsonParserException {
        // It waits without forks of its own, which might be the ones too many; that all other processes are killed lets it go on.
        bundle.configure("sleep 1000 & wait; awk 'BEGIN{for(;;)a[i++]=i}'; echo ended by $?; "
                + "grep oom_kill /sys/fs/cgroup/memory.events; sleep 1000",
                ",\"cgroupsPath\":\"" + group() + "\",\"resources\":{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":8}}", "");
        Outcome outcome = bundle.shell("""
                $R run -d c </dev/null >../out 2>&1
                $R exec c sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done' </dev/null >/dev/null 2>../forks
                grep -c "fork" ../forks
                $R events --interval 1s c > ../events & watcher=$!
                await 'grep -q stats ../events'
                $R exec c sh -c 'kill -9 -1' 2>/dev/null
                await 'grep -aq oom_kill ../out'
                grep -a -e ended -e oom_kill ../out
                await "grep -q '\\"oom\\"' ../events"
                grep -c '"type":"oom"' ../events
                $R events --stats c > ../stats
                $R delete --force c; wait $watcher
                """);
        assertEquals("1\nended by 137\noom_kill 1\n1\n", outcome.output(), outcome::toString);
        JsonObject data = JsonParser.object().from(Files.readString(bundle.directory.resolve("stats"))).getObject("data");
        assertTrue(data.getObject("cpu").getObject("usage").getLong("total") > 0, data::toString);
        assertEquals(67108864, data.getObject("memory").getObject("usage").getLong("limit"), data::toString);
        assertEquals(8, data.getObject("pids").getLong("limit"), data::toString);
    }

    /** Who wants memory in the middle of a system call gets it, when somebody else has more; and oom_score_adj has a say in that. */
    @Test
    void theBiggestIsKilledAlsoForACallOfTheKernel() throws IOException, InterruptedException {
        bundle.configure("(head -c 40000000 /dev/zero; sleep 1000) | tail -c 40000000 & sh -c 'echo 1000 > /proc/self/oom_score_adj; exec sleep 1000' & first=$!;"
                + " until [ $(cat /sys/fs/cgroup/memory.current) -gt 40000000 ] && grep -q 1000 /proc/$first/oom_score_adj; do sleep 0.05; done;"
                + " dd if=/dev/zero of=/dev/null bs=36M count=1; echo dd $?; wait $first; echo first $?; grep oom_kill /sys/fs/cgroup/memory.events;"
                + " [ $(cat /sys/fs/cgroup/memory.peak) -gt 60000000 ] && echo peak",
                ",\"cgroupsPath\":\"" + group() + "\",\"resources\":{\"memory\":{\"limit\":67108864}}", "");
        Outcome outcome = bundle.shell("""
                $R run --keep c </dev/null 2>/dev/null
                grep -o 'Killed process [0-9]* (.*) ' ../r/c/sandbox.log | sed 's/[0-9]\\+/N/; s/ $//'
                grep -c 'oom_score_adj:1000; limit 65536kB' ../r/c/sandbox.log
                """);
        assertEquals("dd 0\nfirst 137\noom_kill 2\npeak\nKilled process N (sleep)\nKilled process N (tail)\n1\n", outcome.output(), outcome::toString);
    }

    @Test
    void allAreKilledTogetherWhereThatIsWanted() throws IOException, InterruptedException {
        bundle.configure("awk 'BEGIN{for(;;)a[i++]=i}'; echo goes on; sleep 1000",
                ",\"cgroupsPath\":\"" + group() + "\",\"resources\":{\"memory\":{\"limit\":67108864},\"unified\":{\"memory.oom.group\":\"1\"}}", "");
        Outcome outcome = bundle.shell("$R run c </dev/null 2>../errors; echo $?; cat ../errors");
        boolean isRefused = outcome.output().contains("linux.resources.unified"); // by a host with version 1, as runc does
        assertEquals(isRefused ? "1" : "137", outcome.output().lines().findFirst().orElse(""), outcome::toString);
    }

    /** Where the configuration names no group, it has the container's name, which may be somebody else's, too. */
    @Test
    void containersOfOneNameHaveGroupsOfTheirOwn() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", ",\"resources\":{\"pids\":{\"limit\":50}}", "");
        Outcome outcome = bundle.shell("""
                id=caisson-test-$(basename $D)
                S="$CAISSON --root $D/s"
                $R run -d --pid-file ../pid1 $id </dev/null >/dev/null; $S run -d --pid-file ../pid2 $id </dev/null >/dev/null
                group() { grep -e :pids: -e ^0:: /proc/$(cat $1)/cgroup | head -n 1 | grep -o $id.*; }
                echo $(group ../pid1) $(group ../pid2) | sed s/$id/ID/g
                $S delete --force $id; echo $?; $R exec $id true && echo goes on
                find /sys/fs/cgroup -name "$id*" | sed 's,.*/,,' | sort -u | sed s/$id/ID/
                $R delete --force $id; find /sys/fs/cgroup -name "$id*"
                """);
        assertEquals("ID ID-2\n0\ngoes on\nID\n", outcome.output(), outcome::toString);
    }

    @Test
    void aGroupWithProcessesIsRefused() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", ",\"cgroupsPath\":\"" + group() + "\"", "");
        Outcome outcome = bundle.shell("$R run -d a </dev/null >/dev/null; $R create b </dev/null; echo $?; $R exec a true && echo goes on; ls ../r");
        assertEquals("1\ngoes on\na\n", outcome.output(), outcome::toString);
        assertTrue(outcome.errors().matches("(?s)caisson: create b: linux.cgroupsPath: the control group .* is not empty: it is somebody else's; name another one\n"),
                outcome::toString);
    }

    @Test
    void whatTheHostCannotKeepIsRefusedByName() throws IOException, InterruptedException {
        bundle.configure("true", ",\"resources\":{\"memory\":{\"disableOOMKiller\":true}}", "");
        Outcome outcome = bundle.shell("$R create c </dev/null; echo $?; ls ../r");
        assertEquals("1\n", outcome.output(), outcome::toString);
        assertTrue(outcome.errors().startsWith("caisson: create c: linux.resources.memory.disableOOMKiller: "), outcome::errors);
        bundle.configure("true", ",\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":1}]}", "");
        outcome = bundle.shell("$R create c </dev/null; echo $?; ls ../r");
        assertEquals("1\n", outcome.output(), outcome::toString);
        assertTrue(outcome.errors().startsWith("caisson: create c: linux.resources.hugepageLimits: "), outcome::errors);
        Outcome systemd = bundle.shell("$CAISSON --root $D/r --systemd-cgroup create c </dev/null; [ -d /run/systemd/system ] || echo none");
        if (systemd.output().equals("none\n")) {
            assertEquals("caisson: create c: --systemd-cgroup: systemd not running on this host, cannot use systemd cgroups manager\n",
                    systemd.errors());
        }
    }
}
