package dev.caisson.testing.guest;

import static dev.caisson.testing.guest.Bundle.array;
import static dev.caisson.testing.guest.Bundle.object;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.testing.guest.Bundle.Shown;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Kubernetes asks of a runtime for the fields of a pod, as its conformance suite looks at it from inside the containers. */
final class KubernetesClausesIT {
    private static final int SIGKILL = 9;
    private static final int COUNTED = 255;

    @TempDir
    Path directory;
    private Bundle bundle;

    @BeforeEach
    void makeBundle() throws Exception {
        bundle = new Bundle(directory.resolve("box"));
    }

    private void assertShows(String expected) throws Exception {
        assertEquals(new Shown(0, expected), bundle.run());
        Files.delete(bundle.directory.resolve("out/init"));
    }

    /** Leaves a namespace to the host, as hostPID and hostIPC do. */
    private static void without(Bundle bundle, String type) {
        bundle.linux().getArray("namespaces").removeIf(each -> ((JsonObject) each).getString("type").equals(type));
    }

    /** securityContext.sysctls: those that Kubernetes calls safe, but for the two that choose ports (refused by name). */
    @Test
    void safeKernelParametersAreSet() throws Exception {
        String[][] parameters = {{"kernel.shm_rmid_forced", "1"}, {"net.ipv4.tcp_syncookies", "0"},
            {"net.ipv4.ping_group_range", "0\t1000"}, {"net.ipv4.ip_unprivileged_port_start", "100"},
            {"net.ipv4.tcp_keepalive_time", "600"}, {"net.ipv4.tcp_fin_timeout", "30"}, {"net.ipv4.tcp_keepalive_intvl", "20"},
            {"net.ipv4.tcp_keepalive_probes", "5"}, {"net.ipv4.tcp_rmem", "4096\t131072\t6291456"}, {"net.ipv4.tcp_wmem", "4096\t16384\t4194304"}};
        JsonObject wanted = new JsonObject();
        StringBuilder script = new StringBuilder("cd /proc/sys; cat");
        StringBuilder shown = new StringBuilder();
        for (String[] each : parameters) {
            wanted.put(each[0], each[1].replace('\t', ' '));
            script.append(' ').append(each[0].replace('.', '/'));
            shown.append(each[1]).append('\n');
        }
        bundle.linux().put("sysctl", wanted);
        bundle.script(script.toString());
        assertShows(shown.toString());
    }

    /** procMount: what is masked and protected by default, and what is not when nothing is to be. */
    @Test
    void procIsMaskedOnlyAsListed() throws Exception {
        bundle.script("(echo 1 > /proc/sys/kernel/shm_rmid_forced) 2>&1; cat /proc/sys/kernel/shm_rmid_forced; head -c 1 /proc/keys | wc -c;"
                + " grep -c -e ' /proc/keys ' -e ' /proc/sys ' /proc/self/mountinfo");
        bundle.linux().put("maskedPaths", array("/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"));
        bundle.linux().put("readonlyPaths", array("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"));
        assertShows("sh: can't create /proc/sys/kernel/shm_rmid_forced: Read-only file system\n0\n0\n2\n");
        bundle.linux().remove("maskedPaths");
        bundle.linux().remove("readonlyPaths");
        Shown shown = bundle.run();
        assertFalse(shown.output().contains("Read-only"), shown.output()); // whether it may is another matter: it has few capabilities
        assertEquals("\n0\n", shown.output().substring(shown.output().length() - 3));
    }

    /** mountPropagation: None, HostToContainer, Bidirectional; and what the engine wants for the root. */
    @Test
    void propagationIsAsConfigured() throws Exception {
        String volume = Files.createDirectories(directory.resolve("volume")).toString();
        for (String each : List.of("rprivate", "rslave", "rshared", "private", "slave", "shared", "unbindable")) {
            bundle.mount("{'destination':'/m/" + each + "','type':'bind','source':'" + volume + "','options':['rbind','" + each + "']}");
        }
        bundle.config.getObject("root").put("readonly", false);
        bundle.script("grep -e ' / / ' -e ' /m/' /proc/self/mountinfo | while read a b c d point options rest; do echo $point ${rest%%- *}; done | sort");
        for (String root : List.of("rprivate", "rslave", "rshared", "unbindable")) {
            bundle.linux().put("rootfsPropagation", root);
            Shown shown = bundle.run();
            Files.delete(bundle.directory.resolve("out/init"));
            boolean isShared = root.equals("rshared");
            String all = isShared ? " shared:N" : ""; // recursive: of all that is mounted
            String unbindable = root.equals("unbindable") ? " unbindable" : "";
            assertEquals("/" + (isShared ? " shared:N" : unbindable) + "\n/m/private" + all + "\n/m/rprivate" + all
                    + "\n/m/rshared" + shared(root) + "\n/m/rslave" + all + "\n/m/shared" + shared(root) + "\n/m/slave" + all
                    + "\n/m/unbindable" + (root.equals("unbindable") || root.equals("rslave") ? " unbindable" : isShared ? " shared:N" : "") + "\n",
                    shown.output().replaceAll(":\\d+", ":N").replaceAll(" +\n", "\n"), root);
        }
    }

    private static String shared(String root) {
        return root.equals("rshared") || root.equals("unbindable") ? " shared:N" : root.equals("rslave") ? " master:N" : "";
    }

    /** recursiveReadOnly and the other options for all mounts of a volume. */
    @Test
    void optionsForAllMountsBelowAreKept() throws Exception {
        assumeTrue(Runner.shell("unshare -m true").status() == 0, "mounts take root");
        Path volume = Files.createDirectories(directory.resolve("volume/sub")).getParent();
        for (String[] each : new String[][] {{"/a", "rnosuid','rnodev','rnoexec"}, {"/b", "rro','rnoatime"}, {"/c", "nosuid','noexec"}, {"/d", "ro','rrw"}}) {
            bundle.mount("{'destination':'" + each[0] + "','source':'" + volume + "','options':['rbind','" + each[1] + "']}");
        }
        bundle.config.getObject("process").remove("rlimits");
        bundle.linux().put("resources", object("{}"));
        bundle.script("grep -e ' /[a-d]/sub ' -e ' /[a-d] ' /proc/self/mountinfo | while read a b c d point options rest; do echo $point $options; done | sort");
        Files.writeString(bundle.directory.resolve("config.json"), JsonWriter.string(bundle.config));
        Outcome outcome = Runner.shell("unshare -m --propagation private sh -c 'mount -t tmpfs -o nosuid,nodev none " + volume + "/sub && exec $CAISSON --root "
                + directory + "/r run -b " + bundle.directory + " c 2>&1'");
        assertEquals("""
                /a rw,nosuid,nodev,noexec,relatime
                /a/sub rw,nosuid,nodev,noexec,relatime
                /b ro,noatime
                /b/sub ro,nosuid,nodev,noatime
                /c rw,nosuid,noexec,relatime
                /c/sub rw,nosuid,nodev,relatime
                /d ro,relatime
                /d/sub rw,nosuid,nodev,relatime
                """, outcome.output(), outcome::toString);
    }

    /** hostPID and hostIPC: no host is within reach, so what is shared is the sandbox's. */
    @Test
    void theHostsNamespacesAreTheSandboxs() throws Exception {
        bundle.linux().put("sysctl", object("{'kernel.shmmax':'12345'}"));
        bundle.command("sleep", "1000");
        Bundle sharing = new Bundle(directory.resolve("sharing"));
        without(sharing, "pid");
        without(sharing, "ipc");
        sharing.script("cat /proc/sys/kernel/shmmax; cat /proc/1/comm; [ $$ -gt 1 ] && echo not alone");
        Bundle own = new Bundle(directory.resolve("own"));
        own.script("[ $(cat /proc/sys/kernel/shmmax) = 12345 ] || echo own ipc; cat /proc/1/comm; echo $$");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container first = bundle.create(kernel);
            first.start();
            for (Bundle each : List.of(sharing, own)) {
                Container container = each.create(kernel);
                container.start();
                assertEquals(new Shown(0, each == own ? "own ipc\nsh\n1\n" : "12345\nsleep\nnot alone\n"), each.shown("init", container.process().awaitExit()));
                container.close();
            }
            first.kill(SIGKILL, true);
            first.process().awaitExit();
        }
    }

    /** terminationMessagePath, the files that the kubelet makes for /etc, emptyDir in memory, fsGroup, runAsUser with a read-only root. */
    @Test
    void whatTheKubeletMountsIsThere() throws Exception {
        Path message = Files.writeString(directory.resolve("message"), "");
        Files.setAttribute(message, "unix:mode", 0666);
        Files.writeString(directory.resolve("hosts"), "127.0.0.1 localhost\n");
        Path shm = Files.createDirectories(directory.resolve("shm"));
        Files.setAttribute(shm, "unix:mode", 01777);
        JsonArray mounts = bundle.config.getArray("mounts");
        mounts.removeIf(each -> ((JsonObject) each).getString("destination").equals("/dev/shm"));
        bundle.mount("{'destination':'/dev/shm','type':'bind','source':'" + shm + "','options':['rbind','rprivate','rw']}");
        bundle.mount("{'destination':'/dev/termination-log','type':'bind','source':'" + message + "','options':['rbind','rprivate','rw']}");
        bundle.mount("{'destination':'/etc/hosts','type':'bind','source':'" + directory.resolve("hosts") + "','options':['rbind','rprivate','ro']}");
        bundle.mount("{'destination':'/scratch','type':'tmpfs','options':['mode=2777','gid=2000']}");
        bundle.process().put("user", object("{'uid':1001,'gid':1002,'additionalGids':[2000]}"));
        bundle.process().remove("capabilities");
        bundle.script("echo failed > /dev/termination-log; cat /etc/hosts; echo x > /dev/shm/f; ls /dev/shm; touch /scratch/g; stat -c '%u %g' /scratch/g;"
                + " stat -c '%a %g' /scratch; touch /new; (echo y > /etc/hosts) 2>&1; id -G");
        assertShows("""
                127.0.0.1 localhost
                f
                1001 2000
                2777 2000
                touch: /new: Read-only file system
                sh: can't create /etc/hosts: Read-only file system
                1002 2000
                """);
        assertEquals("failed\n", Files.readString(message));
    }

    /** A limit that nobody would keep is refused; and who comes after those that are gone has his. */
    @Test
    void aLimitOfMemoryBeyondThoseThatCanBeKeptIsRefused() throws Exception {
        bundle.linux().put("resources", object("{'memory':{'limit':67108864}}"));
        bundle.script("cat /sys/fs/cgroup/memory.max");
        try (ContainerKernel kernel = Bundle.boot()) {
            List<ProcessSet> others = new ArrayList<>();
            while (others.size() < COUNTED) {
                others.add(new ProcessSet(kernel.kernel()));
            }
            assertEquals("linux.resources.memory.limit: this kernel counts the memory of 255 containers, and there are as many; leave the limit out, or delete one"
                    + " of the others", assertThrows(SandboxException.class, () -> bundle.create(kernel)).getMessage());
            others.removeFirst().close();
            Container container = bundle.create(kernel);
            container.start();
            assertEquals(new Shown(0, "67108864\n"), bundle.shown("init", container.process().awaitExit()));
            container.close();
            others.forEach(ProcessSet::close);
        }
    }
}
