package dev.caisson.testing.guest;

import static dev.caisson.testing.guest.Bundle.array;
import static dev.caisson.testing.guest.Bundle.object;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.testing.guest.Bundle.Shown;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a container sees of its config.json, from the inside; and what is said when it cannot be made. */
final class ContainerConfigIT {
    @TempDir
    Path directory;
    private Bundle bundle;

    @BeforeEach
    void makeBundle() throws Exception {
        bundle = new Bundle(directory.resolve("box"));
    }

    private void assertShows(String expected) throws Exception {
        Shown shown = bundle.run();
        assertEquals(expected, shown.output());
        assertEquals(0, shown.status());
    }

    @Test
    void theProcessIsAsConfigured() throws Exception {
        bundle.process().put("user", object("{'uid':1000,'gid':1001,'umask':23,'additionalGids':[5,6]}"));
        bundle.process().put("cwd", "/made/by/runtime");
        bundle.process().put("env", array("PATH=/nowhere:/bin", "A=b c"));
        bundle.process().put("oomScoreAdj", 55);
        bundle.process().put("capabilities", object("{'bounding':['CAP_CHOWN','CAP_KILL'],'effective':['CAP_CHOWN'],"
                + "'permitted':['CAP_CHOWN'],'inheritable':['CAP_CHOWN'],'ambient':['CAP_CHOWN']}"));
        bundle.process().put("rlimits", array(object("{'type':'RLIMIT_NOFILE','soft':100,'hard':200}"),
                object("{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}")));
        bundle.process().put("scheduler", object("{'policy':'SCHED_BATCH','nice':7}"));
        bundle.config.put("hostname", "box");
        bundle.config.put("domainname", "example.org");
        bundle.linux().put("personality", object("{'domain':'LINUX32'}"));
        bundle.script("id -u; id -g; id -G; umask; pwd; echo $HOME $A; hostname; cat /proc/sys/kernel/domainname; uname -m; set -- $(cat /proc/self/stat); echo ${19} ${41};"
                + " cat /proc/self/oom_score_adj; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status;"
                + " grep -E 'open files|core file' /proc/self/limits; stat -c '%a %u' /made/by");
        assertShows("""
                1000
                1001
                1001 5 6
                0027
                /made/by/runtime
                /srv/web b c
                box
                example.org
                i686
                7 3
                55
                CapInh:\t0000000000000001
                CapPrm:\t0000000000000001
                CapEff:\t0000000000000001
                CapBnd:\t0000000000000021
                CapAmb:\t0000000000000001
                NoNewPrivs:\t1
                Seccomp:\t0
                Max core file size        0                    unlimited            bytes    \s
                Max open files            100                  200                  files    \s
                755 0
                """);
    }

    @Test
    void devicesAndLinksAreTheSpecifications() throws Exception {
        bundle.linux().put("devices", array(object("{'path':'/dev/sub/mine','type':'c','major':1,'minor':3,'fileMode':438,'uid':7,'gid':8}"),
                object("{'path':'/dev/pipe','type':'p'}")));
        bundle.script("for d in null zero full random urandom tty; do test -c /dev/$d && stat -c '%n %a %t:%T' /dev/$d; done;"
                + " for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; test -e /dev/console || echo no console;"
                + " stat -c '%a %u:%g %t:%T' /dev/sub/mine; test -p /dev/pipe && echo pipe; echo x > /dev/sub/mine;"
                + " head -c 4 /dev/zero | wc -c; echo x > /dev/full || echo full");
        assertShows("""
                /dev/null 666 1:3
                /dev/zero 666 1:5
                /dev/full 666 1:7
                /dev/random 666 1:8
                /dev/urandom 666 1:9
                /dev/tty 666 5:0
                /proc/self/fd
                /proc/self/fd/0
                /proc/self/fd/1
                /proc/self/fd/2
                pts/ptmx
                no console
                666 7:8 1:3
                pipe
                4
                sh: write error: No space left on device
                full
                """);
    }

    @Test
    void mountsHaveTheirOptions() throws Exception {
        Files.createDirectories(directory.resolve("data/below"));
        Files.writeString(directory.resolve("data/below/file"), "of the host\n");
        Files.writeString(directory.resolve("single"), "one file\n");
        String data = directory.resolve("data").toString();
        bundle.mount("{'destination':'/data','source':'" + data + "','options':['rbind','ro','nosuid','nodev','noexec','noatime','rslave']}");
        bundle.mount("{'destination':'/write','type':'bind','source':'" + data + "','options':['rshared']}");
        bundle.mount("{'destination':'/a/b/file','source':'" + directory.resolve("single") + "','options':['bind','ro']}");
        bundle.mount("{'destination':'/scratch','type':'tmpfs','options':['size=64k','mode=1770','noexec']}");
        bundle.script("grep -E ' /(data|write|a/b/file|scratch|dev/shm|sys/fs/cgroup) ' /proc/self/mountinfo"
                + " | while read a b c d point options rest; do echo $point $options ${rest%% *}; done | sort;"
                + " cat /data/below/file /a/b/file; touch /data/x; touch /a/b/file; echo guest > /write/made; cat /data/made;"
                + " stat -c %a /scratch; echo '#!/bin/sh' > /scratch/p; chmod 755 /scratch/p; /scratch/p; rm /scratch/p;"
                + " dd if=/dev/zero of=/scratch/f bs=1k count=100 2>/dev/null || stat -c %s /scratch/f; touch /x; stat -c %a /dev/shm; ls /dev/mqueue");
        Shown shown = bundle.run();
        assertEquals("""
                /a/b/file ro,relatime -
                /data ro,nosuid,nodev,noexec,noatime -
                /dev/shm rw,nosuid,nodev,noexec,relatime -
                /scratch rw,noexec,relatime -
                /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime -
                /write rw,relatime shared
                of the host
                one file
                touch: /data/x: Read-only file system
                touch: /a/b/file: Read-only file system
                guest
                1770
                sh: /scratch/p: Permission denied
                65536
                touch: /x: Read-only file system
                1777
                """, shown.output().replaceAll("shared:\\d+", "shared"));
        assertEquals("guest\n", Files.readString(directory.resolve("data/made")));
    }

    @Test
    void aWritableRootIsTheBundlesDirectory() throws Exception {
        bundle.config.getObject("root").put("readonly", false);
        bundle.script("echo kept > /etc/new && mkdir /made && chmod 700 /made && rm /etc/passwd");
        assertShows("");
        Path rootfs = bundle.directory.resolve("rootfs");
        assertEquals("kept\n", Files.readString(rootfs.resolve("etc/new")));
        assertTrue(Files.isDirectory(rootfs.resolve("made")));
        assertFalse(Files.exists(rootfs.resolve("etc/passwd")));
    }

    @Test
    void aTmpfsCanBeginWithWhatItHides() throws Exception {
        Path data = Files.createDirectories(bundle.directory.resolve("rootfs/data/below"));
        Files.writeString(data.resolve("file"), "of the image\n");
        Files.createSymbolicLink(data.resolve("link"), Path.of("file"));
        bundle.mount("{'destination':'/data','type':'tmpfs','options':['tmpcopyup','mode=700']}");
        bundle.script("chmod 640 /data/below/file && stat -c '%a %s' /data/below/file && cat /data/below/file && readlink /data/below/link"
                + " && echo changed > /data/below/file && stat -c %a /data");
        assertShows("640 13\nof the image\nfile\n755\n");
        assertEquals("of the image\n", Files.readString(data.resolve("file")));
    }

    @Test
    void pathsAreMaskedAndProtected() throws Exception {
        Files.createDirectories(bundle.directory.resolve("rootfs/secret"));
        Files.writeString(bundle.directory.resolve("rootfs/secret/key"), "key");
        bundle.config.getObject("root").put("readonly", false);
        bundle.linux().put("maskedPaths", array("/proc/cpuinfo", "/secret", "/not/there", "/proc/cpuinfo/x"));
        bundle.linux().put("readonlyPaths", array("/proc/sys", "/etc", "/nor/there"));
        bundle.script("wc -c < /proc/cpuinfo; ls /secret; touch /secret/x; touch /etc/x; echo x > /proc/sys/kernel/hostname; cat /etc/passwd | wc -l");
        Shown shown = bundle.run();
        assertEquals("""
                0
                touch: /secret/x: Read-only file system
                touch: /etc/x: Read-only file system
                sh: can't create /proc/sys/kernel/hostname: Read-only file system
                2
                """, shown.output());
    }

    @Test
    void controlGroupsShowTheLimits() throws Exception {
        bundle.linux().put("resources", object("{'memory':{'limit':104857600,'swap':209715200},'pids':{'limit':50},"
                + "'cpu':{'quota':150000,'period':100000,'shares':1024}}"));
        bundle.script("cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max cpu.max cpu.weight cgroup.procs; cat /proc/self/cgroup;"
                + " touch x");
        Shown shown = bundle.run();
        assertEquals("""
                104857600
                104857600
                50
                150000 100000
                39
                1
                """, shown.output().substring(0, shown.output().indexOf("1\n") + 2));
        assertTrue(shown.output().endsWith("0::/\ntouch: x: Read-only file system\n"), shown.output());
    }

    @Test
    void systemCallsAreFiltered() throws Exception {
        bundle.linux().put("seccomp", object("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86'],'syscalls':["
                + "{'names':['mkdir','no_such_call'],'action':'SCMP_ACT_ERRNO','errnoRet':100},"
                + "{'names':['kill'],'action':'SCMP_ACT_ERRNO','args':[{'index':1,'value':10,'op':'SCMP_CMP_EQ'}]},"
                + "{'names':['symlink'],'action':'SCMP_ACT_KILL_PROCESS'}]}"));
        bundle.script("mkdir /tmp; kill -USR1 $$; kill -0 $$ && echo alive; grep ^Seccomp: /proc/self/status; (readlink /dev/fd; busybox ln -s a /dev/b); echo $?");
        Shown shown = bundle.run();
        assertEquals("""
                mkdir: can't create directory '/tmp': Network is down
                sh: can't kill pid 1: Operation not permitted
                alive
                Seccomp:\t2
                /proc/self/fd
                Bad system call
                159
                """, shown.output());
    }

    @Test
    void thereAreAsManyProcessesAsTheLimitSays() throws Exception {
        bundle.linux().put("resources", object("{'pids':{'limit':3}}"));
        bundle.script("cat /sys/fs/cgroup/pids.max; sleep 1000 & sleep 1000 & (true); echo unreachable");
        Shown shown = bundle.run();
        assertEquals("3\nsh: can't fork: Resource temporarily unavailable\n", shown.output());
    }

    @Test
    void kernelParametersAreSet() throws Exception {
        bundle.linux().put("sysctl", object("{'net.ipv4.ip_unprivileged_port_start':'80','net.ipv4.ping_group_range':'0 2147483647',"
                + "'kernel.shmmax':'12345','kernel/msgmax':'777'}"));
        bundle.script("cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range kernel/shmmax kernel/msgmax");
        assertShows("80\n0\t2147483647\n12345\n777\n");
    }

    @Test
    void processOneIsWhatLinuxMakesOfIt() throws Exception {
        bundle.script("kill -KILL 1; kill -TERM 1; echo alive; exec sleep 1000");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container container = bundle.create(kernel);
            assertEquals(1, container.process().pid());
            container.start();
            container.kill(15, false);
            container.kill(9, false);
            Shown shown = bundle.shown("init", container.process().awaitExit());
            assertEquals(137, shown.status());
            assertThrows(SandboxException.class, () -> container.kill(9, true));
        }
    }

    @Test
    void aContainerThatWasNotStartedCanBeKilled() throws Exception {
        bundle.script("echo never");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container container = bundle.create(kernel);
            container.kill(15, false);
            assertEquals(9, container.process().awaitExit());
            assertThrows(SandboxException.class, container::start);
        }
        assertEquals("", Files.readString(bundle.directory.resolve("out/init")));
    }

    @Test
    void moreProgramsAreExecutedInIt() throws Exception {
        bundle.config.put("hostname", "shared");
        bundle.command("sleep", "1000");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container container = bundle.create(kernel);
            container.start();
            OciProcess process = OciProcess.parse("""
                    {"cwd":"/bin","args":["sh","-c","id -u; pwd; hostname; grep CapEff /proc/self/status; cat /proc/1/comm; exit 5"],
                    "env":["PATH=/bin"],"user":{"uid":1000}}""");
            ContainerProcess executed = container.exec(process, new Bundle.Output("exec"));
            assertEquals(new Shown(5, "1000\n/bin\nshared\nCapEff:\t0000000000000000\nsleep\n"), bundle.shown("exec", executed.awaitExit()));
            assertEquals(List.of(1), container.processes().stream().map(container::pidOf).toList());
            assertRefused("exec: \"nothing\": executable file not found in $PATH",
                    () -> container.exec(process.with(List.of("nothing"), List.of("PATH=/bin"), "/"), new Bundle.Output("none")));
            container.kill(9, true);
            container.process().awaitExit();
            assertThrows(SandboxException.class, () -> container.exec(process, new Bundle.Output("late")));
        }
    }

    @Test
    void aSecondContainerHasNamespacesOfItsOwn() throws Exception {
        bundle.config.put("hostname", "first");
        bundle.command("sleep", "1000");
        Bundle other = new Bundle(directory.resolve("other"));
        other.config.put("hostname", "second");
        other.script("hostname; echo $$ /proc/[0-9]*; kill -9 -1; exit 3");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container first = bundle.create(kernel);
            first.start();
            Container second = other.create(kernel);
            assertEquals(1, second.process().pid());
            second.start();
            assertEquals(new Shown(3, "second\n1 /proc/1\nsh: can't kill pid -1: No such process\n"), other.shown("init", second.process().awaitExit()));
            second.close();
            ContainerProcess executed = first.exec(OciProcess.parse("{\"cwd\":\"/\",\"args\":[\"hostname\"],\"env\":[\"PATH=/bin\"]}"),
                    new Bundle.Output("exec"));
            assertEquals(new Shown(0, "first\n"), bundle.shown("exec", executed.awaitExit()));
        }
    }

    private interface Attempt {
        void run() throws Exception;
    }

    private static void assertRefused(String message, Attempt attempt) {
        assertEquals(message, assertThrows(SandboxException.class, attempt::run).getMessage());
    }

    @Test
    void whatCannotBeDoneIsRefusedByName() throws Exception {
        Files.writeString(bundle.directory.resolve("rootfs/bin/data"), "no program");
        try (ContainerKernel kernel = Bundle.boot()) {
            String[][] programs = {
                {"nothing", "exec: \"nothing\": executable file not found in $PATH"},
                {"/no/thing", "exec: \"/no/thing\": stat /no/thing: no such file or directory"},
                {"/bin/data", "exec: \"/bin/data\": permission denied"},
                {"/etc", "exec: \"/etc\": is a directory"},
                {"/etc/passwd/x", "exec: \"/etc/passwd/x\": stat /etc/passwd/x: not a directory"},
            };
            for (String[] program : programs) {
                bundle.command(program[0]);
                assertRefused(program[1], () -> bundle.create(kernel));
            }
            bundle.script("true");
            bundle.process().put("cwd", "/etc/passwd/x");
            assertRefused("process.cwd: chdir to cwd (\"/etc/passwd/x\") set in config.json failed: not a directory", () -> bundle.create(kernel));
            bundle.process().put("cwd", "/");
            bundle.linux().put("sysctl", object("{'net.ipv4.warp':'9'}"));
            assertRefused("linux.sysctl: this kernel has no parameter net.ipv4.warp", () -> bundle.create(kernel));
            bundle.linux().put("sysctl", object("{'kernel.shmmax':'much'}"));
            assertRefused("linux.sysctl: this kernel's kernel.shmmax does not take \"much\" (EINVAL)", () -> bundle.create(kernel));
            bundle.linux().remove("sysctl");
            bundle.config.put("annotations", object("{'dev.caisson.rootfs':'floppy'}"));
            assertRefused("annotations[\"dev.caisson.rootfs\"]: nothing provides floppy", () -> bundle.create(kernel));
            bundle.config.remove("annotations");
            bundle.linux().getArray("namespaces").getObject(0).put("path", "/proc/1/ns/pid");
            assertRefused("linux.namespaces[0].path: the pid namespace /proc/1/ns/pid is that of no container in this sandbox, which cannot enter another one",
                    () -> bundle.create(kernel));
            bundle.linux().getArray("namespaces").getObject(0).remove("path");
            bundle.mount("{'destination':'/m','source':'/no/such/source','options':['bind']}");
            assertRefused("mounts[8].source: /no/such/source does not exist", () -> bundle.create(kernel));
            bundle.config.getArray("mounts").remove(8);
            bundle.mount("{'destination':'/m','type':'tmpfs','options':['colour=red']}");
            assertTrue(assertThrows(SandboxException.class, () -> bundle.create(kernel)).getMessage()
                    .startsWith("mounts[8]: cannot mount tmpfs (tmpfs) on /m: "));
            bundle.config.getArray("mounts").remove(8);
            // After all of these the kernel is as it was: the next one is process 1.
            Container container = bundle.create(kernel);
            assertEquals(1, container.process().pid());
            container.start();
            assertEquals(0, container.process().awaitExit());
        }
    }
}
