package dev.caisson.testing.guest;

import static dev.caisson.testing.guest.Bundle.object;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.grack.nanojson.JsonWriter;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.testing.guest.Bundle.Shown;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clauses of the runtime specification that its own validation suite looks at, several in each container. */
final class ContainerClausesIT {
    private static final int SIGKILL = 9, SIGSTOP = 19, LAST = 31;
    private static final long PATIENCE_MS = 120_000;

    @TempDir
    Path directory;
    private Bundle bundle;

    @BeforeEach
    void makeBundle() throws Exception {
        bundle = new Bundle(directory.resolve("box"));
    }

    private void await(String text) throws Exception {
        Path output = bundle.directory.resolve("out/init");
        for (long end = System.nanoTime() + PATIENCE_MS * 1_000_000; !Files.readString(output).contains(text);) {
            assertTrue(System.nanoTime() < end, () -> "never: " + text);
            Thread.sleep(5);
        }
    }

    @Test
    void everySignalArrives() throws Exception {
        List<Integer> signals = new ArrayList<>();
        for (int signal = 1; signal <= LAST; signal++) {
            if (signal != SIGKILL && signal != SIGSTOP) {
                signals.add(signal);
            }
        }
        String all = String.join(" ", signals.stream().map(String::valueOf).toList());
        bundle.script("for s in " + all + "; do trap \"echo got $s.\" $s; done; echo ready; while :; do sleep 0.05; done");
        try (ContainerKernel kernel = Bundle.boot()) {
            Container container = bundle.create(kernel);
            container.start();
            await("ready");
            for (int signal : signals) {
                container.kill(signal, false);
                await("got " + signal + ".");
            }
            container.kill(SIGKILL, false);
            assertEquals(SIGKILL, container.process().awaitExit());
        }
    }

    @Test
    void aProgramMayBeNamedFromTheWorkingDirectory() throws Exception {
        bundle.process().put("cwd", "/bin");
        bundle.command("./sh", "-c", "pwd; echo $0");
        assertEquals(new Shown(0, "/bin\n./sh\n"), bundle.run());
        Files.delete(bundle.directory.resolve("out/init"));
        bundle.process().put("cwd", "/");
        bundle.command("bin/sh", "-c", "pwd");
        assertEquals(new Shown(0, "/\n"), bundle.run());
    }

    @Test
    void clocksHaveTheOffsetsOfTheContainer() throws Exception {
        Files.copy(GuestCompiler.compiledAlone(Path.of("oci/offsets.c")), bundle.directory.resolve("rootfs/bin/offsets"));
        bundle.linux().getArray("namespaces").add(object("{'type':'time'}"));
        bundle.linux().put("timeOffsets", object("{'monotonic':{'secs':900000000,'nanosecs':7},'boottime':{'secs':1800000000}}"));
        bundle.script("offsets; cat /proc/self/timens_offsets; read up rest < /proc/uptime; [ ${up%.*} -gt 1800000000 ] && echo uptime;"
                + " while read name value; do [ $name = btime ] && [ $value -lt 1000000000 ] && echo btime; done < /proc/stat; true");
        assertEquals(new Shown(0, """
                monotonic 1 boottime 1 uptime 1 realtime 1
                monotonic   900000000         7
                boottime   1800000000         0
                uptime
                btime
                """), bundle.run());
        Files.delete(bundle.directory.resolve("out/init"));
        bundle.linux().put("timeOffsets", object("{'monotonic':{'secs':-1000000000}}"));
        SandboxException e = assertThrows(SandboxException.class, bundle::run);
        assertEquals("linux.timeOffsets: Numerical result out of range", e.getMessage());
    }

    @Test
    void aSetUidProgramHasItsOwnersIdsUnlessPrivilegesAreNotToGrow() throws Exception {
        Path program = bundle.directory.resolve("rootfs/bin/ids");
        Files.copy(GuestCompiler.compiledAlone(Path.of("oci/ids.c")), program);
        Files.setAttribute(program, "unix:mode", 06755);
        Object user = Files.getAttribute(program, "unix:uid");
        Object group = Files.getAttribute(program, "unix:gid");
        bundle.process().put("user", object("{'uid':1001,'gid':1002}"));
        bundle.process().put("noNewPrivileges", false);
        bundle.command("ids");
        Path output = bundle.directory.resolve("out/init");
        assertEquals(new Shown(0, "users 1001 %1$s %1$s groups 1002 %2$s %2$s secure 1\n".formatted(user, group)), bundle.run());
        Files.delete(output);
        bundle.process().put("noNewPrivileges", true);
        assertEquals(new Shown(0, "users 1001 1001 1001 groups 1002 1002 1002 secure 0\n"), bundle.run());
        Files.delete(output);
        bundle.process().put("noNewPrivileges", false);
        bundle.mount("{'destination':'/other','source':'" + program.getParent() + "','options':['bind','nosuid']}");
        bundle.command("/other/ids");
        assertEquals(new Shown(0, "users 1001 1001 1001 groups 1002 1002 1002 secure 0\n"), bundle.run());
    }

    @Test
    void mountsBelowAreBoundAndProtectedRecursively() throws Exception {
        assumeTrue(Runner.shell("unshare -m true").status() == 0, "mounts take root");
        Path volume = Files.createDirectories(directory.resolve("volume/sub")).getParent();
        bundle.config.getObject("root").put("readonly", false);
        for (String[] each : new String[][] {{"/ro", "ro"}, {"/rro", "rro"}, {"/rw", "rw"}}) {
            bundle.mount("{'destination':'" + each[0] + "','source':'" + volume + "','options':['rbind','" + each[1] + "']}");
        }
        bundle.config.getObject("process").remove("rlimits");
        bundle.linux().put("resources", object("{}"));
        bundle.script("touch /rw/a /rw/sub/b; ls /ro /ro/sub; touch /ro/x; touch /ro/sub/c && echo below ro; touch /rro/sub/d; ls /rro/sub;"
                + " grep -c ' /r[a-z]*/sub ' /proc/self/mountinfo");
        Files.writeString(bundle.directory.resolve("config.json"), JsonWriter.string(bundle.config));
        Outcome outcome = Runner.shell("unshare -m --propagation private sh -c 'mount -t tmpfs none " + volume + "/sub && exec $CAISSON --root "
                + directory + "/r run -b " + bundle.directory + " c 2>&1'");
        assertEquals("""
                /ro:
                a
                sub

                /ro/sub:
                b
                touch: /ro/x: Read-only file system
                below ro
                touch: /rro/sub/d: Read-only file system
                b
                c
                3
                """, outcome.output(), outcome::toString);
    }
}
