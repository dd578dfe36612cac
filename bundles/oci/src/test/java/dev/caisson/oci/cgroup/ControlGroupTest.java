package dev.caisson.oci.cgroup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonObject;
import dev.caisson.oci.spec.OciResources;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Control groups of both versions, in directories that look like them. */
final class ControlGroupTest {
    private static final Map<String, String> MEMORY = Map.of("memory.limit_in_bytes", "9223372036854771712", "memory.memsw.limit_in_bytes",
            "9223372036854771712", "memory.soft_limit_in_bytes", "9223372036854771712", "memory.usage_in_bytes", "4096",
            "memory.max_usage_in_bytes", "8192", "memory.failcnt", "3", "memory.stat", "cache 100\nrss 200\n");
    private static final Map<String, String> CPU = Map.of("cpu.shares", "1024", "cpu.cfs_quota_us", "-1", "cpu.cfs_period_us", "100000", "cpu.stat",
            "nr_periods 5\nnr_throttled 2\nthrottled_time 700\n");
    private static final Map<String, String> CPUSET = Map.of("cpuset.cpus", "0-3", "cpuset.mems", "0");
    private static final Map<String, String> UNIFIED = Map.ofEntries(Map.entry("cgroup.controllers", "cpuset cpu io memory pids\n"),
            Map.entry("cgroup.subtree_control", ""), Map.entry("memory.max", "max\n"), Map.entry("memory.swap.max", "max\n"),
            Map.entry("memory.low", "0\n"), Map.entry("memory.current", "5000\n"), Map.entry("memory.stat", "anon 10\nfile 20\n"),
            Map.entry("cpu.weight", "100\n"), Map.entry("cpu.max", "max 100000\n"), Map.entry("cpuset.cpus", ""), Map.entry("pids.max", "max\n"),
            Map.entry("pids.current", "7\n"), Map.entry("io.bfq.weight", "100\n"), Map.entry("io.max", ""),
            Map.entry("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 1\nnr_throttled 1\nthrottled_usec 4\n"),
            Map.entry("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n"));
    private static final long MIB = 1 << 20;

    @TempDir
    Path root;

    private FakeGroups first() throws IOException {
        return new FakeGroups(root).first("memory", "/", MEMORY).first("cpu,cpuacct", "/", CPU).first("cpuset", "/", CPUSET)
                .first("pids", "/", Map.of("pids.max", "max\n", "pids.current", "4\n"));
    }

    private static OciResources resources(String json) throws Exception {
        return OciResources.parse(json.replace('\'', '"'));
    }

    @Test
    void versionOneHasOneGroupInEachFilesystemWithTheLimitsAndRoomForTheSandbox() throws Exception {
        FakeGroups host = first();
        ControlGroup group = ControlGroup.make(host.hierarchies(), "/docker/abc", "abc", false, host);
        group.limit(resources("{'memory':{'limit':104857600,'swap':209715200},'cpu':{'shares':512,'quota':50000,'period':200000,'cpus':'0-1'},"
                + "'pids':{'limit':20}}"), "linux.resources");
        group.enter(1234);
        String at = "sys/fs/cgroup/memory/docker/abc/";
        assertEquals(Long.toString(100 * MIB + HostLimits.OVERHEAD_BYTES), host.read(at + "memory.limit_in_bytes"));
        assertEquals(Long.toString(200 * MIB + HostLimits.OVERHEAD_BYTES), host.read(at + "memory.memsw.limit_in_bytes"));
        assertEquals("1234", host.read(at + "cgroup.procs"));
        at = "sys/fs/cgroup/cpu,cpuacct/docker/abc/";
        assertEquals("512", host.read(at + "cpu.shares"));
        assertEquals("50000", host.read(at + "cpu.cfs_quota_us"));
        assertEquals("200000", host.read(at + "cpu.cfs_period_us"));
        assertEquals("0-1", host.read("sys/fs/cgroup/cpuset/docker/abc/cpuset.cpus"));
        assertEquals("0", host.read("sys/fs/cgroup/cpuset/docker/abc/cpuset.mems"), "inherited from above");
        assertEquals("0-3", host.read("sys/fs/cgroup/cpuset/docker/cpuset.cpus"), "inherited from above");
        assertEquals(Long.toString(20 * HostLimits.HOST_TASKS + HostLimits.OVERHEAD_TASKS), host.read("sys/fs/cgroup/pids/docker/abc/pids.max"));
    }

    @Test
    void versionTwoGivesItsControllersDownAndTranslates() throws Exception {
        FakeGroups host = new FakeGroups(root).second("/sys/fs/cgroup", "/system.slice/docker.service", UNIFIED);
        Hierarchies hierarchies = host.hierarchies();
        assertTrue(hierarchies.isUnified());
        ControlGroup group = ControlGroup.make(hierarchies, "/a/b", "b", false, host);
        group.limit(resources("{'memory':{'limit':104857600,'swap':209715200,'reservation':1048576},'cpu':{'shares':1024,'quota':50000},"
                + "'pids':{'limit':-1},'blockIO':{'weight':500,'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':99}]}}"), "linux.resources");
        String at = "sys/fs/cgroup/a/b/";
        assertEquals(Long.toString(100 * MIB + HostLimits.OVERHEAD_BYTES), host.read(at + "memory.max"));
        assertEquals(Long.toString(100 * MIB), host.read(at + "memory.swap.max"), "version 2 counts swap alone");
        assertEquals("39", host.read(at + "cpu.weight"));
        assertEquals("50000 100000", host.read(at + "cpu.max"));
        assertEquals("max", host.read(at + "pids.max"));
        assertEquals("default 4950", host.read(at + "io.bfq.weight"), "where io.weight is missing");
        assertEquals("8:0 rbps=99", host.read(at + "io.max"));
        assertFalse(host.read("sys/fs/cgroup/a/cgroup.subtree_control").isBlank());
        JsonObject stats = group.stats();
        assertEquals(30_000, stats.getObject("cpu").getObject("usage").getLong("total"));
        assertEquals(4000, stats.getObject("cpu").getObject("throttling").getLong("throttledTime"));
        assertEquals(5000, stats.getObject("memory").getObject("usage").getLong("usage"));
        assertEquals(7, stats.getObject("pids").getLong("current"));
        assertEquals(2, stats.getObject("blkio").getArray("ioServiceBytesRecursive").size());
    }

    @Test
    void aHybridHostIsOneOfVersionOne() throws Exception {
        FakeGroups host = first().second("/sys/fs/cgroup/unified", "/", Map.of("cgroup.controllers", ""));
        host.first("name=systemd", "/user.slice", Map.of());
        Hierarchies hierarchies = host.hierarchies();
        assertFalse(hierarchies.isUnified());
        assertEquals(5, hierarchies.all().size());
        ControlGroup group = ControlGroup.make(hierarchies, null, "box", false, host);
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/systemd/user.slice/box")), "beside nothing else, below the caller's own");
        group.note(root);
        assertEquals(group.paths(), ControlGroup.of(root).paths());
    }

    @Test
    void aNameThatSomebodyElseHasGetsANumber() throws Exception {
        FakeGroups host = first();
        ControlGroup group = ControlGroup.make(host.hierarchies(), null, "box", false, host);
        ControlGroup other = ControlGroup.make(host.hierarchies(), "", "box", false, host);
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/pids/box")));
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/pids/box-2")));
        assertTrue(other.paths().stream().allMatch(path -> path.toString().endsWith("/box-2")), other.paths()::toString);
        assertTrue(group.paths().stream().allMatch(path -> path.toString().endsWith("/box")), group.paths()::toString);
    }

    @Test
    void aGroupWithProcessesIsNobodyElses() throws Exception {
        FakeGroups host = first();
        host.makeDirectory(root.resolve("sys/fs/cgroup/cpu,cpuacct/mine"));
        ControlGroup.make(host.hierarchies(), "/mine", "a", false, host).enter(1234);
        GroupException e = assertThrows(GroupException.class, () -> ControlGroup.make(host.hierarchies(), "/mine", "b", false, host));
        assertTrue(e.getMessage().startsWith("linux.cgroupsPath: the control group ") && e.getMessage().endsWith("mine is not empty: it is somebody else's; name another one"),
                e.getMessage());
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/pids/mine")));
    }

    @Test
    void aPathWithoutASlashBeginsAtTheCallersGroup() throws Exception {
        FakeGroups host = new FakeGroups(root).second("/sys/fs/cgroup", "/user.slice/session.scope", UNIFIED);
        ControlGroup.make(host.hierarchies(), "name", "name", false, host);
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/user.slice/name")), "beside the caller's, which has processes in it");
        ControlGroup.make(host.hierarchies(), "/../../up", "up", false, host);
        assertTrue(Files.isDirectory(root.resolve("sys/fs/cgroup/up")), "no path leads out of the filesystem");
    }

    @Test
    void whatTheHostLacksIsRefusedByItsName() throws Exception {
        FakeGroups host = first();
        ControlGroup group = ControlGroup.make(host.hierarchies(), "/x", "x", false, host);
        assertMessage("linux.resources.blockIO.weight: this host's control groups have no blkio.weight; leave the limit out, or enable the "
                + "controller blkio", group, "{'blockIO':{'weight':10}}");
        assertMessage("linux.resources.cpu.idle: this host's control groups have no cpu.idle; leave the limit out, or enable the controller cpu",
                group, "{'cpu':{'idle':1}}");
        assertMessage("linux.resources.unified: this host has cgroup v1, and the file memory.high is of cgroup v2", group,
                "{'unified':{'memory.high':'1'}}");
        FakeGroups other = new FakeGroups(root.resolve("2")).second("/sys/fs/cgroup", "/", UNIFIED);
        ControlGroup second = ControlGroup.make(other.hierarchies(), "/x", "x", false, other);
        assertMessage("linux.resources.memory.swappiness: this host has cgroup v2, which knows no such limit; leave it out", second,
                "{'memory':{'swappiness':5}}");
    }

    private static void assertMessage(String expected, ControlGroup group, String json) throws Exception {
        OciResources wanted = resources(json);
        assertEquals(expected, assertThrows(GroupException.class, () -> group.limit(wanted, "linux.resources")).getMessage());
    }

    @Test
    void memoryAndSwapChangeInTheOrderThatTheKernelTakes() throws Exception {
        FakeGroups host = first();
        ControlGroup group = ControlGroup.make(host.hierarchies(), "/x", "x", false, new GroupFiles() {
            @Override
            public void makeDirectory(Path directory) throws IOException {
                host.makeDirectory(directory);
            }

            @Override
            public void write(Path file, String text) throws IOException {
                host.write(file, text);
                Path directory = file.getParent();
                if (Files.exists(directory.resolve("memory.limit_in_bytes")) && Long.parseLong(Files.readString(directory.resolve(
                        "memory.limit_in_bytes")).strip()) > Long.parseLong(Files.readString(directory.resolve("memory.memsw.limit_in_bytes")).strip())) {
                    throw new IOException("Invalid argument");
                }
            }
        });
        group.limit(resources("{'memory':{'limit':10000,'swap':10000}}"), "r");
        group.limit(resources("{'memory':{'limit':20000,'swap':20000}}"), "r");
        group.limit(resources("{'memory':{'limit':5000,'swap':6000}}"), "r");
        assertEquals(Long.toString(5000 + HostLimits.OVERHEAD_BYTES), host.read("sys/fs/cgroup/memory/x/memory.limit_in_bytes"));
    }

    @Test
    void anOrdinaryUserGoesWithoutAGroupWhereNoLimitNeedsOne() throws Exception {
        FakeGroups host = first();
        GroupFiles refusing = new GroupFiles() {
            @Override
            public void makeDirectory(Path directory) throws IOException {
                throw new AccessDeniedException(directory.toString());
            }

            @Override
            public void write(Path file, String text) throws IOException {
                throw new AccessDeniedException(file.toString());
            }
        };
        assertNull(ControlGroup.make(host.hierarchies(), null, "x", true, refusing));
        String message = assertThrows(GroupException.class, () -> ControlGroup.make(host.hierarchies(), null, "x", false, refusing)).getMessage();
        assertTrue(message.endsWith("memory/x: permission denied"), message);
    }

    @Test
    void systemdsFormIsTheScopeThatSystemdWouldMake() {
        assertEquals("/system.slice/docker-abc.scope", GroupPath.ofSystemd("system.slice:docker:abc"));
        assertEquals("/a.slice/a-b.slice/cri-x.scope", GroupPath.ofSystemd("a-b.slice:cri:x"));
        assertEquals("/p-x.scope", GroupPath.ofSystemd("-.slice:p:x"));
        assertEquals("/system.slice/x.scope", GroupPath.ofSystemd("::x"));
        assertThrows(IllegalArgumentException.class, () -> GroupPath.ofSystemd("/a/b"));
        assertThrows(IllegalArgumentException.class, () -> GroupPath.ofSystemd("a--b.slice:c:d"));
    }

    @Test
    void removingTakesTheGroupAndWhatIsBelowIt() throws Exception {
        ControlGroup group = ControlGroup.make(Hierarchies.of(empty(), empty(), root), null, "x", true, GroupFiles.DIRECT);
        assertNull(group, "no control groups at all");
        Path directory = Files.createDirectories(root.resolve("g/x/child"));
        Files.writeString(root.resolve("cgroup.json"), "{\"version\":2,\"groups\":{\"memory\":\"" + directory.getParent() + "\"}}");
        ControlGroup.of(root).remove();
        assertFalse(Files.exists(directory.getParent()));
        assertTrue(Files.exists(root.resolve("g")));
        assertNull(ControlGroup.of(root.resolve("g")), "a container without a note has no group");
    }

    private Path empty() throws IOException {
        return Files.writeString(root.resolve("empty"), "");
    }
}
