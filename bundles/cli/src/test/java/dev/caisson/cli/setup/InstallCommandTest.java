package dev.caisson.cli.setup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstallCommandTest {
    @TempDir
    Path directory;
    private Path program;
    private Path file;

    @BeforeEach
    void makeProgram() throws IOException {
        program = Files.createDirectories(directory.resolve("bin")).resolve("caisson");
        Files.setPosixFilePermissions(Files.writeString(program, "#!/bin/sh\n"), PosixFilePermissions.fromString("rwxr-xr-x"));
        file = directory.resolve("etc/file");
    }

    private String run(boolean isInstall, String client, String... arguments) throws SandboxException {
        StringBuilder out = new StringBuilder();
        InstallCommand.Order order = new InstallCommand.Order(isInstall, List.of(client), file, "caisson", null, List.of(arguments));
        InstallCommand.check(order);
        assertEquals(0, InstallCommand.run(order, directory, null, out));
        return out.toString();
    }

    private void write(String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    @Test
    void aMissingDaemonJsonIsMadeAndTakenAwayAgain() throws Exception {
        String report = run(true, "docker");
        assertEquals("{\n    \"runtimes\": {\n        \"caisson\": {\"path\": \"" + program + "\"}\n    }\n}\n", Files.readString(file));
        assertTrue(report.contains("systemctl reload docker"), report);
        run(false, "docker");
        assertFalse(Files.exists(file));
    }

    @Test
    void everythingElseInDaemonJsonStays() throws Exception {
        String text = "{\n  \"storage-driver\": \"overlay2\",\n  \"log-opts\": { \"max-size\": \"10m\" }\n}";
        write(text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        run(true, "docker", "--debug", "--log=/var/log/a \"b\"");
        assertTrue(Files.readString(file).startsWith(text.substring(0, text.length() - 2)), "the rest changed");
        assertTrue(Files.readString(file).contains("\"runtimeArgs\": [\"--debug\", "), "no arguments");
        assertEquals(text, Files.readString(file.resolveSibling("file.before-caisson")));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        String once = Files.readString(file);
        assertTrue(run(true, "docker", "--debug", "--log=/var/log/a \"b\"").contains("nothing to change"), "changed twice");
        assertEquals(once, Files.readString(file));
        run(false, "docker");
        assertEquals(text, Files.readString(file));
    }

    @Test
    void aLinkToDaemonJsonStaysOne() throws Exception {
        Path real = Files.writeString(directory.resolve("real"), "{}");
        Files.createDirectories(file.getParent());
        Files.createSymbolicLink(file, real);
        run(true, "docker");
        assertTrue(Files.isSymbolicLink(file) && Files.readString(real).contains("caisson"), "the link was replaced");
    }

    @Test
    void aBrokenDaemonJsonIsLeftAlone() throws Exception {
        write("{\n \"a\": 1,\n}");
        String message = assertThrows(SandboxException.class, () -> run(true, "docker")).getMessage();
        assertTrue(message.contains("line 3"), message);
        assertEquals("{\n \"a\": 1,\n}", Files.readString(file));
    }

    @Test
    void theDefaultRuntimeIsNotTakenOut() throws Exception {
        write("{\"default-runtime\": \"caisson\", \"runtimes\": {\"caisson\": {\"path\": \"/c\"}}}");
        String message = assertThrows(SandboxException.class, () -> run(false, "docker")).getMessage();
        assertTrue(message.contains("default-runtime"), message);
    }

    @Test
    void containerdsTablesStandAtTheEndOfItsFile() throws Exception {
        String text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"pause\"";
        write(text);
        run(true, "containerd");
        String changed = Files.readString(file);
        assertTrue(changed.startsWith(text + "\n"), changed);
        assertTrue(changed.contains("[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.caisson.options]\n    BinaryName = \"" + program + "\"\n"),
                changed);
        run(true, "containerd");
        assertEquals(changed, Files.readString(file));
        run(false, "containerd");
        assertEquals(text + "\n", Files.readString(file));
    }

    @Test
    void newContainerdsHaveTheirOwnTable() throws Exception {
        write("version = 3\n");
        run(true, "containerd");
        assertTrue(Files.readString(file).contains("\"io.containerd.cri.v1.runtime\""), Files.readString(file));
        write("[plugins]\n");
        assertTrue(assertThrows(SandboxException.class, () -> run(true, "containerd")).getMessage().contains("version 1"), "version 1 was taken");
    }

    @Test
    void aRuntimeThatSomebodyElseEnteredIsNotDefinedTwice() throws Exception {
        write("version = 2\n[ plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.\"caisson\" ]\n");
        assertTrue(assertThrows(SandboxException.class, () -> run(true, "containerd")).getMessage().contains("line 2"), "entered twice");
    }

    @Test
    void aContainerdWithoutCriIsWarnedOf() throws Exception {
        write("version = 2\ndisabled_plugins = [\"cri\"]\n");
        assertTrue(run(true, "containerd").contains("warning: "), "no warning");
    }

    @Test
    void podmanGetsAFileOfItsOwn() throws Exception {
        String report = run(true, "podman");
        assertTrue(Files.readString(file).contains("[engine.runtimes]\ncaisson = [\"" + program + "\"]\n"), Files.readString(file));
        assertTrue(report.contains("podman --runtime=caisson"), report);
        run(false, "podman");
        assertFalse(Files.exists(file));
    }

    @Test
    void oneClientIsNamed() {
        assertThrows(IllegalArgumentException.class,
                () -> InstallCommand.check(new InstallCommand.Order(true, List.of(), null, "caisson", null, List.of())));
        assertThrows(IllegalArgumentException.class,
                () -> InstallCommand.check(new InstallCommand.Order(true, List.of("docker", "podman"), file, "caisson", null, List.of())));
        assertThrows(IllegalArgumentException.class,
                () -> InstallCommand.check(new InstallCommand.Order(true, List.of("docker"), file, "a b", null, List.of())));
    }
}
