package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A bundle whose root has busybox, for the commands of the distribution, in a directory of its own: {@code b} is the bundle, {@code r} the root. */
final class BusyboxBundle {
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    private static final List<String> COMMANDS = List.of("sh", "cat", "sleep", "true", "id", "ls", "touch", "nproc", "dd", "grep", "awk", "stat", "chown", "head", "tail", "cmp",
            "seq");

    final Path directory;

    private BusyboxBundle(Path directory) {
        this.directory = directory;
    }

    /** Makes a bundle; the test is skipped where there is no busybox, or no launcher in the distribution. */
    static BusyboxBundle make() throws IOException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no " + BUSYBOX);
        assumeTrue(Files.isExecutable(Runner.CAISSON.resolve("../../lib/launcher").normalize()), "the distribution has no lib/launcher");
        Path directory = Files.createTempDirectory("caisson-box");
        Path bin = Files.createDirectories(directory.resolve("b/rootfs/bin"));
        Files.copy(BUSYBOX, bin.resolve("busybox"));
        for (String name : COMMANDS) {
            Files.createSymbolicLink(bin.resolve(name), Path.of("busybox"));
        }
        for (String name : List.of("proc", "dev", "sys", "tmp")) {
            Files.createDirectory(directory.resolve("b/rootfs/" + name));
        }
        return new BusyboxBundle(directory);
    }

    /**
     * Writes config.json.
     *
     * @param script what the container runs
     * @param linux members of linux, each with a comma before; or empty
     * @param more members of the whole, each with a comma before; or empty
     */
    void configure(String script, String linux, String more) throws IOException {
        Files.writeString(directory.resolve("b/config.json"), """
                {"ociVersion":"1.0.2","process":{"terminal":false,"user":{"uid":0,"gid":0},"args":["/bin/sh","-c","%s"],"env":["PATH=/bin"],"cwd":"/",
                 "capabilities":{"bounding":["CAP_KILL","CAP_CHOWN"],"effective":["CAP_KILL","CAP_CHOWN"],"permitted":["CAP_KILL","CAP_CHOWN"]}},
                 "root":{"path":"rootfs"},
                 "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
                  {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755"]},
                  {"destination":"/sys","type":"sysfs","source":"sysfs","options":["ro"]},
                  {"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["ro"]}],
                 "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"uts"},{"type":"ipc"},{"type":"network"},{"type":"user"}]%s}%s}
                """.formatted(script.replace("\\", "\\\\").replace("\"", "\\\""), linux, more));
    }

    /** Runs a script: {@code $R} is the command with a root of its own, {@code $D} the directory; the bundle is where it runs. */
    Outcome shell(String script) throws IOException, InterruptedException {
        return Runner.shell("D=" + directory + "; R=\"$CAISSON --root $D/r\"; shim() { python3 " + Runner.MODULE.resolve("oci/shim.py")
                + " \"$@\"; }; cd $D/b; await() { i=0; until eval \"$1\"; do i=$((i + 1)); [ $i -lt 1200 ] || { echo \"in vain: $1\"; break; };"
                + " sleep 0.05; done; }; " + script);
    }

    void close() throws IOException, InterruptedException {
        shell("for id in $($R list -q); do $R delete --force $id; done");
        Runner.deleteTree(directory);
    }
}
