package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The process of a container's sandbox, as root starts it: where it is, what it sees of the host, how it ends, and that nothing is left of it. */
@Timeout(value = 900)
final class SandboxIsolationIT {
    /** What a sandbox may leave behind: processes, mounts, control groups, files and sockets. */
    private static final String TRACES = """
            traces() {
                ps -eo args | grep -F "$D/r" | grep -v -e grep -e 'sh -c' | wc -l
                grep -c "$(basename $D)" /proc/self/mountinfo
                find /sys/fs/cgroup -name "$(basename $D)*" 2>/dev/null | wc -l
                ls $D/r 2>/dev/null | wc -l
            }
            """;

    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        assumeTrue((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0, "root's sandboxes are looked at");
        assumeTrue(Runner.shell("unshare -U true").status() == 0, "this host allows no user namespaces");
        bundle = BusyboxBundle.make();
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.close();
        }
    }

    private static void assertShows(String expected, Outcome outcome) {
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void theSandboxHasNamespacesOfItsOwnAndNothingOfTheHostInItsRoot() throws IOException, InterruptedException {
        bundle.configure("sleep 1000", "", "");
        assertShows("""
                user pid mnt ipc uts net differ
                dev lib64 mnt proc tmp\s
                no etc, no home
                0
                NoNewPrivs: 1
                read-only
                """, bundle.shell("""
                $R run -d --pid-file ../pid isolation-a </dev/null >/dev/null
                launcher=$(cat ../pid)
                java=$(ps -o pid= --ppid $launcher | tr -d ' ')
                for n in user pid mnt ipc uts net; do
                    [ "$(readlink /proc/$java/ns/$n)" = "$(readlink /proc/self/ns/$n)" ] || printf '%s ' $n
                done
                echo differ
                root=/proc/$java/root
                # Where the distribution and the JVM are on this machine is on the way to them, and has nothing else.
                for needed in $(dirname "$(dirname "$CAISSON")") $(readlink /proc/$java/exe); do echo $needed | cut -d/ -f2; done > ../ways
                ls $root | grep -v -x -e lib -e usr -f ../ways | tr '\\n' ' '; echo
                [ -e $root/etc/passwd ] || [ -e $root/bin ] || [ -e $root/var/log ] || echo no etc, no home
                ls $root/proc | grep -c "^$launcher\\$"
                grep NoNewPrivs /proc/$java/status | tr -s '\\t' ' '
                touch $root$(dirname "$CAISSON")/made 2>/dev/null || echo read-only
                rm -f $(dirname "$CAISSON")/made
                """));
    }

    @Test
    void nothingIsLeftOfAContainerHoweverItEnds() throws IOException, InterruptedException {
        bundle.configure("trap 'exit 3' TERM; touch /ready; while :; do sleep 0.05; done", ",\"cgroupsPath\":\"/" + bundle.directory.getFileName() + "\"",
                ",\"hooks\":{\"prestart\":[{\"path\":\"/bin/true\"}]}");
        Outcome outcome = bundle.shell(TRACES + """
                traces > ../before
                $R create --pid-file ../pid isolation-a </dev/null >/dev/null; $R delete isolation-a
                $R run -d --pid-file ../pid isolation-b </dev/null >/dev/null; await '[ -e rootfs/ready ]'; kill -TERM $(cat ../pid); $R wait isolation-b; $R delete isolation-b
                $R run -d --pid-file ../pid isolation-c </dev/null >/dev/null; $R delete --force isolation-c
                $R run -d --pid-file ../pid isolation-d </dev/null >/dev/null
                kill -9 $(ps -o pid= --ppid $(cat ../pid))
                await '$R state isolation-d | grep -q stopped'; $R delete isolation-d
                $R run -d --pid-file ../pid isolation-e </dev/null >/dev/null; kill -9 $(cat ../pid)
                await '$R state isolation-e | grep -q stopped'; $R delete isolation-e
                sed -i 's,/bin/true,/bin/false,' config.json
                $R create isolation-f </dev/null 2>/dev/null || echo refused
                sed -i 's,/bin/false,/bin/true,; s,while :; do sleep 0.05; done,exit 6,' config.json
                $R run isolation-g </dev/null; echo $?
                traces > ../after
                diff ../before ../after
                """);
        assertShows("{\"id\":\"isolation-b\",\"exitStatus\":3}\nrefused\n6\n", outcome);
    }

    /** The address of a socket is short, so below a long root the sandbox listens elsewhere ({@code ContainerStore.socket}). */
    @Test
    void aSocketOutsideOfTheContainersDirectoryGoesWithTheContainer() throws IOException, InterruptedException {
        bundle.configure("exit 0", "", "");
        assertShows("there\ngone\nrefused\ngone\n", bundle.shell("""
                long=$D/$(printf 'r%.0s' $(seq 1 120))
                socket=/run/caisson/oci-$(python3 -c '
                import sys
                value = 0xcbf29ce484222325
                for byte in sys.argv[1].encode():
                    value = (value ^ byte) * 0x100000001b3 % (1 << 64)
                print("%016x" % value)' $long/isolation-h/control.sock)
                $CAISSON --root $long create isolation-h </dev/null >/dev/null
                [ -e $socket ] && echo there
                $CAISSON --root $long delete isolation-h
                [ -e $socket ] || echo gone
                sed -i 's,"/bin/sh","/bin/nosuch",' config.json
                $CAISSON --root $long create isolation-h </dev/null 2>/dev/null || echo refused
                [ -e $socket ] || echo gone
                """));
    }

    @Test
    void aCrashOfTheSandboxIsTheEndOfTheProcessOfThePidFile() throws IOException, InterruptedException {
        bundle.configure("while :; do sleep 0.05; done", "", "");
        assertShows("signal 9\nsignal 9\n", bundle.shell("""
                shim --wait $D/pid1 --wait $D/pid2 -- sh -c '
                    R="'"$R"'"
                    $R run -d --pid-file ../pid1 isolation-a </dev/null >/dev/null
                    $R run -d --pid-file ../pid2 isolation-b </dev/null >/dev/null
                    kill -9 $(ps -o pid= --ppid $(cat ../pid1))
                    kill -9 $(cat ../pid2)
                '"""));
    }

    @Test
    void hooksRunOnTheHost() throws IOException, InterruptedException {
        String hook = "[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat >/dev/null; echo $0 $(readlink /proc/self/ns/mnt) >> "
                + bundle.directory + "/hooks\",\"%s\"]}]";
        StringBuilder hooks = new StringBuilder();
        for (String kind : new String[] {"prestart", "createRuntime", "poststart", "poststop"}) {
            hooks.append(hooks.isEmpty() ? "" : ",").append('"').append(kind).append("\":").append(hook.formatted(kind));
        }
        bundle.configure("exit 0", "", ",\"hooks\":{" + hooks + "}");
        Outcome outcome = bundle.shell("""
                $R run -d isolation-a </dev/null >/dev/null; $R wait isolation-a >/dev/null; $R delete isolation-a
                $R run isolation-b </dev/null
                sed "s,mnt:.$(readlink /proc/self/ns/mnt | tr -dc 0-9).,host," ../hooks
                """);
        String each = "prestart host\ncreateRuntime host\npoststart host\npoststop host\n";
        assertShows(each + each, outcome);
    }

    @Test
    void ownersOfFilesAreMappedAsTheConfigurationSays() throws IOException, InterruptedException {
        String map = "[{\"containerID\":0,\"hostID\":100000,\"size\":1000}]";
        bundle.configure("touch /made; touch /other; chown 7:8 /other; stat -c '%u %g' /made /other /host; chown 2000 /made; cat /sys/fs/cgroup/cgroup.type",
                ",\"uidMappings\":" + map + ",\"gidMappings\":" + map, "");
        Outcome outcome = bundle.shell("""
                chown -R 100000:100000 rootfs; touch rootfs/host
                $R run isolation-a </dev/null; stat -c '%u %g' rootfs/made rootfs/other""");
        assertShows("0 0\n7 8\n65534 65534\ndomain\n100000 100000\n100007 100008\n", outcome);
        assertTrue(outcome.errors().contains("Invalid argument"), outcome::toString);
    }
}
