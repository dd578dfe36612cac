package dev.caisson.cli.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import dev.caisson.cli.doctor.Finding.Level;
import dev.caisson.cli.doctor.Machine.Access;
import dev.caisson.cli.doctor.Machine.Entry;
import dev.caisson.cli.doctor.Machine.Rights;
import dev.caisson.cli.doctor.Machine.Trial;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DoctorTest {
    private static final Path HOME = Path.of("/opt/caisson");
    private static final Path RUNTIME = Path.of("/run/caisson");

    /** A machine where all is well, until a test changes something. */
    private static final class Fake implements Machine {
        final Map<String, String> texts = new HashMap<>(Map.of(
                "/proc/sys/kernel/osrelease", "6.1.0\n",
                "/proc/sys/kernel/yama/ptrace_scope", "1\n",
                "/proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno user_notif trace log allow\n",
                "/proc/self/status", "Name:\tjava\nCapEff:\t0000000000000000\nSeccomp:\t0\n",
                "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx sse\n",
                "/proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
                "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n",
                "/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable:   4000000 kB\n",
                "/proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units     \n"
                        + "Max processes             30000                30000                processes \n"
                        + "Max open files            1024                 1048576              files     \n"));
        final Map<String, String> properties = new HashMap<>(Map.of("java.specification.version", "25", "java.vm.version", "25.0.1+8",
                "java.home", "/jdk", "os.arch", "amd64"));
        final Set<String> accesses = new HashSet<>();
        final Map<Path, List<Entry>> directories = new HashMap<>();
        final Map<Path, Rights> rights = new HashMap<>();
        Map<String, Trial> platforms = Map.of("systrap", new Trial(true, "works"));
        Trial namespace = new Trial(true, "");
        int user;
        boolean hasOpenat2 = true;

        Fake() {
            for (String name : List.of("user", "pid", "mnt", "ipc", "uts", "net")) {
                allow("/proc/self/ns/" + name, Access.EXISTS);
            }
            for (Access access : Access.values()) {
                allow("/dev/kvm", access);
            }
            directories.put(HOME.resolve("bundles"), List.of(new Entry("kernel.jar", 10, 1000)));
            directories.put(HOME.resolve("lib"), List.of(new Entry("caisson.aot", 10, 2000), new Entry("cli.jar", 10, 1000),
                    new Entry("client.aot", 10, 2000), new Entry("gofer.aot", 10, 2000), new Entry("sandbox.aot", 10, 2000)));
            rights.put(HOME, new Rights(0, 0755));
        }

        void allow(String path, Access access) {
            accesses.add(access + path);
        }

        @Override
        public String text(String path) {
            return texts.get(path);
        }

        @Override
        public boolean can(String path, Access access) {
            return accesses.contains(access + path);
        }

        @Override
        public List<Entry> list(Path path) {
            return directories.getOrDefault(path, List.of());
        }

        @Override
        public Rights rights(Path path) {
            return rights.get(path);
        }

        @Override
        public int user() {
            return user;
        }

        @Override
        public String property(String name) {
            return properties.get(name);
        }

        @Override
        public boolean hasOpenat2() {
            return hasOpenat2;
        }

        @Override
        public Trial userNamespace() {
            return namespace;
        }

        @Override
        public Map<String, Trial> platforms() {
            return platforms;
        }
    }

    private final Fake machine = new Fake();

    private List<Finding> findings() {
        return Checks.run(machine, HOME, RUNTIME);
    }

    private Finding finding(String check) {
        return findings().stream().filter(finding -> finding.check().equals(check)).findFirst().orElseThrow();
    }

    private void assertFinding(String check, Level level, String advice) {
        Finding finding = finding(check);
        assertEquals(level, finding.level(), finding.toString());
        assertTrue(finding.advice().contains(advice), finding.toString());
        assertFalse(level != Level.OK && finding.meaning().isEmpty(), finding.toString());
    }

    @Test
    void aMachineWithEverythingHasOnlyGoodFindings() {
        for (Finding finding : findings()) {
            assertEquals(Level.OK, finding.level(), finding.toString());
        }
        assertEquals(0, DoctorCommand.status(findings()));
        assertTrue(DoctorCommand.text(findings()).endsWith("Caisson works here: 0 errors, 0 warnings.\n"));
    }

    @Test
    void anOldJdkIsAnError() {
        machine.properties.put("java.specification.version", "21");
        assertFinding("java", Level.ERROR, "CAISSON_JAVA_HOME");
        assertEquals(1, DoctorCommand.status(findings()));
    }

    @Test
    void ptraceScopesAreToldApart() {
        machine.texts.put("/proc/sys/kernel/yama/ptrace_scope", "3\n");
        assertFinding("ptrace", Level.WARNING, "boot with");
        machine.texts.put("/proc/sys/kernel/yama/ptrace_scope", "2\n");
        assertFinding("ptrace", Level.WARNING, "sysctl kernel.yama.ptrace_scope=1");
        machine.texts.put("/proc/self/status", "CapEff:\t000001ffffffffff\n");
        assertFinding("ptrace", Level.OK, "");
        machine.texts.remove("/proc/sys/kernel/yama/ptrace_scope");
        assertFinding("ptrace", Level.OK, "");
    }

    @Test
    void aFilterAroundTheProcessIsAWarning() {
        machine.texts.put("/proc/self/status", "Seccomp:\t2\n");
        assertFinding("seccomp", Level.WARNING, "seccomp=unconfined");
        machine.texts.remove("/proc/sys/kernel/seccomp/actions_avail");
        assertFinding("seccomp", Level.ERROR, "CONFIG_SECCOMP_FILTER");
    }

    @Test
    void aPlatformThatFailsIsAnErrorWhenNoOtherOneWorks() {
        machine.platforms = Map.of("kvm", new Trial(false, "no /dev/kvm"), "systrap", new Trial(true, "works"));
        assertEquals(Level.WARNING, finding("platform-kvm").level());
        machine.platforms = Map.of("kvm", new Trial(false, "no /dev/kvm"));
        assertFinding("platform-kvm", Level.ERROR, "ptrace");
        machine.platforms = null;
        assertFinding("platforms", Level.ERROR, "caisson-prepare");
    }

    @Test
    void kvmIsThereOrNotOrPretends() {
        machine.texts.put("/proc/cpuinfo", "flags\t\t: fpu sse\n");
        assertFinding("kvm", Level.WARNING, "systrap");
        machine.accesses.remove(Access.WRITE + "/dev/kvm");
        assertFinding("kvm", Level.WARNING, "usermod -aG kvm");
        machine.accesses.remove(Access.EXISTS + "/dev/kvm");
        assertFinding("kvm", Level.WARNING, "nested");
    }

    @Test
    void controllersThatAreMissingAreNamed() {
        machine.texts.put("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        assertTrue(finding("cgroups").meaning().contains("pids"));
        machine.texts.put("/proc/self/mounts", "c /sys/fs/cgroup/memory cgroup rw,memory 0 0\nc /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n"
                + "c /sys/fs/cgroup/pids cgroup rw,pids 0 0\n");
        assertEquals("version 1: memory cpu pids", finding("cgroups").found());
        machine.user = 1000;
        assertFinding("cgroups", Level.WARNING, "Delegate=yes");
        machine.texts.put("/proc/self/mounts", "");
        assertFinding("cgroups", Level.WARNING, "mount -t cgroup2");
    }

    @Test
    void whoRefusesUserNamespacesIsFound() {
        machine.namespace = new Trial(false, "Operation not permitted");
        machine.user = 1000;
        machine.texts.put("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
        assertFinding("namespaces", Level.WARNING, "apparmor");
        machine.texts.put("/proc/sys/user/max_user_namespaces", "0\n");
        assertFinding("namespaces", Level.WARNING, "max_user_namespaces");
        machine.accesses.remove(Access.EXISTS + "/proc/self/ns/pid");
        assertFinding("namespaces", Level.ERROR, "CONFIG_NAMESPACES");
    }

    @Test
    void gofersNeedOpenat2() {
        machine.hasOpenat2 = false;
        assertFinding("openat2", Level.ERROR, "5.6");
    }

    @Test
    void memoryAndLimits() {
        machine.texts.put("/proc/sys/vm/overcommit_memory", "2\n");
        assertFinding("memory", Level.WARNING, "overcommit_memory=0");
        machine.texts.put("/proc/meminfo", "MemAvailable: 1000 kB\n");
        assertFinding("memory", Level.WARNING, "Free some");
        machine.texts.put("/proc/self/limits", "Max open files            1024                 1024              files     \n");
        assertFinding("limits", Level.WARNING, "ulimit -Hn");
        machine.user = 1000;
        machine.texts.put("/proc/self/limits", "Max processes             100                  100                  processes \n");
        assertFinding("limits", Level.WARNING, "ulimit -u");
    }

    @Test
    void anOldOrMissingCacheIsAWarning() {
        machine.directories.put(HOME.resolve("bundles"), List.of(new Entry("kernel.jar", 10, 3000)));
        Finding old = finding("cache-caisson");
        assertEquals("lib/caisson.aot is older than kernel.jar", old.found());
        assertEquals(Level.WARNING, old.level());
        machine.directories.put(HOME.resolve("lib"), new ArrayList<>());
        assertFinding("cache-gofer", Level.WARNING, "caisson-prepare");
    }

    @Test
    void whatOthersCanChangeIsAWarning() {
        machine.rights.put(Path.of("/opt"), new Rights(0, 0777));
        assertFinding("owner", Level.WARNING, "chmod go-w /opt");
        machine.rights.put(Path.of("/opt"), new Rights(0, 01777)); // as /tmp
        assertFinding("owner", Level.OK, "");
        machine.rights.put(HOME.resolve("lib/cli.jar"), new Rights(1000, 0644));
        assertFinding("owner", Level.WARNING, "chown root");
    }

    @Test
    void aRuntimeDirectoryOfSomebodyElseIsAnError() {
        machine.rights.put(RUNTIME, new Rights(1000, 0700));
        assertFinding("runtime", Level.ERROR, "--root");
    }

    @Test
    void clientsThatKnowThisInstallationAreNamed() {
        machine.texts.put("/etc/docker/daemon.json", "{\"runtimes\": {\"caisson\": {\"path\": \"/opt/caisson/bin/caisson\"}}}");
        assertEquals("entered for docker", finding("clients").found());
    }

    @Test
    void programsReadJson() throws Exception {
        machine.hasOpenat2 = false;
        JsonArray all = JsonParser.array().from(DoctorCommand.json(findings()));
        JsonObject finding = (JsonObject) all.stream().filter(each -> ((JsonObject) each).getString("check").equals("openat2")).findFirst().orElseThrow();
        assertEquals("error", finding.getString("level"));
        assertTrue(finding.getString("advice").contains("5.6"));
    }
}
