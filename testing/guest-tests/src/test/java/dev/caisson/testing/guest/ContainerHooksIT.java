package dev.caisson.testing.guest;

import static dev.caisson.testing.guest.Bundle.array;
import static dev.caisson.testing.guest.Bundle.object;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.lifecycle.ContainerLife;
import dev.caisson.control.lifecycle.Pod;
import dev.caisson.kernel.Kernel;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hooks that run in the container's namespaces: what they see, when they run, and what becomes of the container when one fails. */
final class ContainerHooksIT {
    @TempDir
    Path directory;
    private Bundle bundle;

    @BeforeEach
    void makeBundle() throws Exception {
        bundle = new Bundle(directory.resolve("box"));
        bundle.config.put("hostname", "box");
    }

    private void hook(String kind, String path, int timeoutSeconds, String script) {
        bundle.config.put("hooks", object("{}"));
        JsonObject hook = object("{'env':['PATH=/bin:/usr/bin','KEY=of hook']}");
        hook.put("path", path);
        hook.put("args", array("sh", "-c", script));
        if (timeoutSeconds > 0) {
            hook.put("timeout", timeoutSeconds);
        }
        bundle.config.getObject("hooks").put(kind, array(hook));
    }

    private ContainerLife create(ContainerKernel kernel) throws Exception {
        OciConfig config = bundle.read();
        ContainerState state = new ContainerState("1.0.2", "box", Status.CREATING, ProcessIdentity.own(), bundle.directory, config.rootPath(),
                Instant.EPOCH, "me", Map.of("a", "b"), directory.resolve("socket"), ContainerState.NONE);
        Container container = ContainerLaunch.create(kernel, "box", config, new Bundle.Output("init"), 0, Pod.hooks(config, state));
        Path place = Files.createDirectories(directory.resolve("state"));
        return new ContainerLife(container, config, new ContainerDirectory(place), state);
    }

    private String said(String file) throws Exception {
        return Files.readString(directory.resolve(file));
    }

    private void assertState(String file, String status) throws Exception {
        JsonObject state = JsonParser.object().from(said(file));
        assertEquals(status, state.getString("status"));
        assertEquals(1, state.getInt("pid"));
        assertEquals("box", state.getString("id"));
        assertEquals(bundle.directory.toString(), state.getString("bundle"));
        assertEquals("b", state.getObject("annotations").getString("a"));
    }

    @Test
    void createContainerSeesTheHostsFilesAndTheContainersNamespaces() throws Exception {
        Files.createDirectories(bundle.directory.resolve("rootfs/data"));
        Files.writeString(bundle.directory.resolve("rootfs/data/hidden"), "");
        hook("createContainer", "/bin/busybox", 0, "cat > " + directory + "/seen; (hostname; echo $KEY; id -u; ls " + bundle.directory
                + "/rootfs/proc/self/status; ls " + bundle.directory + "/rootfs/data) > " + directory + "/said 2>&1; mount -t tmpfs none "
                + bundle.directory + "/rootfs/data");
        bundle.process().put("user", object("{'uid':1000}"));
        bundle.script("ls /data; grep -c ' /data .* tmpfs' /proc/self/mountinfo; grep -c . /proc/self/mountinfo; ls " + directory + " 2>&1");
        try (ContainerKernel kernel = Bundle.boot()) {
            ContainerLife life = create(kernel);
            String rootfs = bundle.directory + "/rootfs";
            assertEquals("box\nof hook\n0\n" + rootfs + "/proc/self/status\nhidden\n", said("said"));
            assertState("seen", "creating");
            life.start();
            int status = life.awaitEnd();
            // The mount is there, and nothing else that was not in config.json.
            String output = bundle.shown("init", status).output();
            int mounts = bundle.config.getArray("mounts").size() + 2; // the root, and that of the hook
            int paths = bundle.linux().getArray("maskedPaths").size() + bundle.linux().getArray("readonlyPaths").size();
            String[] lines = output.split("\n");
            assertEquals("1", lines[0], output);
            assertTrue(Integer.parseInt(lines[1]) <= mounts + paths, output);
            assertTrue(lines[2].endsWith("No such file or directory"), output);
        }
    }

    @Test
    void aContainerIsNotMadeWhenCreateContainerFails() throws Exception {
        bundle.script("true");
        try (ContainerKernel kernel = Bundle.boot()) {
            hook("createContainer", "/bin/sh", 0, "echo no good >&2; exit 3");
            assertEquals("error running createContainer hook #0: /bin/sh: exit status 3, no good",
                    assertThrows(SandboxException.class, () -> create(kernel)).getMessage());
            hook("createContainer", "/no/such/hook", 0, "");
            assertEquals("exec: \"/no/such/hook\": stat /no/such/hook: no such file or directory",
                    assertThrows(SandboxException.class, () -> create(kernel)).getMessage());
            bundle.config.remove("hooks");
            ContainerLife life = create(kernel);
            life.start();
            assertEquals(0, life.awaitEnd());
        }
    }

    @Test
    void startContainerRunsInTheContainerBeforeTheProgram() throws Exception {
        bundle.process().put("user", object("{'uid':1000,'gid':1001}"));
        Files.setPosixFilePermissions(bundle.directory.resolve("out"), java.nio.file.attribute.PosixFilePermissions.fromString("rwxrwxrwx"));
        hook("startContainer", "/bin/sh", 100, "cat > /out/seen; (id -u; id -g; hostname; echo $KEY; echo $$; test -e /out/begun || echo first) > /out/said");
        bundle.script("echo > /out/begun; cat /out/said");
        try (ContainerKernel kernel = Bundle.boot()) {
            ContainerLife life = create(kernel);
            life.start();
            assertEquals("1000\n1001\nbox\nof hook\n2\nfirst\n", bundle.shown("init", life.awaitEnd()).output());
            assertState("box/out/seen", "created");
        }
    }

    @Test
    void aContainerStopsWhenStartContainerFails() throws Exception {
        bundle.script("echo never");
        for (String[] each : new String[][] {{"0", "exit 4", "exit status 4"}, {"0", "kill -9 $$", "killed by signal 9"},
            {"1", "sleep 1000", "did not end within 1 s"}}) {
            hook("startContainer", "/bin/sh", Integer.parseInt(each[0]), each[1]);
            try (ContainerKernel kernel = Bundle.boot()) {
                ContainerLife life = create(kernel);
                assertEquals("error running startContainer hook #0: /bin/sh: " + each[2],
                        assertThrows(SandboxException.class, life::start).getMessage());
                assertEquals(137, Kernel.shellStatus(life.awaitEnd()));
                assertEquals(Status.STOPPED, life.state().status());
                assertEquals("", said("box/out/init"));
            }
        }
    }
}
