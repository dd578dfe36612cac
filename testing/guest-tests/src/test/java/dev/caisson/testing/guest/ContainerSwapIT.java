package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Containers whose platform, network and root filesystem change while they run, what they have changed, and what annotations may choose. */
@Timeout(value = 600)
final class ContainerSwapIT {
    private static final Path BUSYBOX = Path.of("/bin/busybox");
    /** A program that goes on through all changes: it counts, and says at the end whether anything went wrong. */
    private static final String PROGRAM = "echo begun > /made; rm /gone; exec 3< /made; while [ ! -e /stop ]; do n=$((n+1)); echo $n > /count;"
            + " [ $(cat /count) = $n ] || echo wrong at $n; done; cat <&3; echo over";

    private Path directory;

    @BeforeEach
    void bundle() throws IOException {
        assumeTrue(Files.isExecutable(BUSYBOX), "no " + BUSYBOX);
        directory = Files.createTempDirectory("caisson-container-swap");
        Path rootfs = directory.resolve("b/rootfs");
        Path bin = Files.createDirectories(rootfs.resolve("bin"));
        Files.copy(BUSYBOX, bin.resolve("busybox"));
        for (String name : List.of("sh", "cat", "rm", "touch", "ls", "true")) {
            Files.createSymbolicLink(bin.resolve(name), Path.of("busybox"));
        }
        for (String name : List.of("proc", "dev", "volume")) {
            Files.createDirectory(rootfs.resolve(name));
        }
        Files.writeString(rootfs.resolve("gone"), "");
        Files.writeString(Files.createDirectory(directory.resolve("volume")).resolve("file"), "in the volume\n");
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (directory != null) {
            shell("for id in $($R list -q); do $R delete --force $id; done");
            Runner.deleteTree(directory);
        }
    }

    private Outcome shell(String script) throws IOException, InterruptedException {
        return Runner.shell("D=" + directory + "; R=\"$CAISSON --root $D/r\"; cd $D/b; until_() { n=0; until eval \"$1\"; do n=$((n+1));"
                + " [ $n -lt 4000 ] || { echo \"never: $1\"; return 1; }; sleep 0.05; done; }; " + script);
    }

    private void configure(String script, String annotations) throws IOException {
        Files.writeString(directory.resolve("b/config.json"), """
                {"ociVersion":"1.0.2","process":{"terminal":false,"args":["/bin/sh","-c","%s"],"env":["PATH=/bin"],"cwd":"/"},
                 "root":{"path":"rootfs"},"annotations":{%s},
                 "mounts":[{"destination":"/proc","type":"proc"},{"destination":"/volume","type":"bind","source":"%s","options":["rbind"]}],
                 "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"uts"},{"type":"ipc"}]}}
                """.formatted(script, annotations, directory.resolve("volume")));
    }

    @Test
    void aContainerMovesBetweenPlatformsAndFilesystems() throws IOException, InterruptedException {
        configure(PROGRAM, "\"dev.caisson.platform\":\"ptrace\"");
        Outcome outcome = shell("""
                $R run -d c > ../out 2>&1
                until_ '[ -e rootfs/made ]'
                swap() { $R swap c "$@" 2>&1 | sed 's/, pause .*//'; }
                swap platform systrap; swap platform ptrace; swap platform warp
                swap network none; swap syscalls linux
                swap rootfs hostdir
                swap volume:/volume hostdir; $R exec c cat /volume/file
                swap volume:/nowhere hostdir; swap rootfs proc
                $R diff c -o ../layer.tar; [ -e ../layer.tar ] || echo no layer
                swap rootfs overlay; $R exec c touch /stop; $R wait c; cat ../out; [ -e rootfs/stop ] || echo in memory
                swap platform systrap
                """);
        assertEquals("""
                c: platform is now systrap, was ptrace
                c: platform is now ptrace, was systrap
                caisson: no platform named warp; there are: kvm, ptrace, systrap
                c: network is now none, was none
                c: syscalls is now linux, was linux
                swapped rootfs hostdir -> hostdir
                swapped volume:/volume hostdir -> hostdir
                in the volume
                caisson: cannot find /nowhere in the container: No such file or directory
                caisson: no rootfs named proc
                no layer
                swapped rootfs hostdir -> overlay
                {"id":"c","exitStatus":0}
                begun
                over
                in memory
                caisson: container c is not running
                """, outcome.output(), outcome::toString);
        assertEquals("caisson: the root filesystem of c is hostdir, which does not keep changes apart; overlay does\n", outcome.errors());
    }

    @Test
    void anOverlaysChangesAreALayer() throws IOException, InterruptedException {
        configure(PROGRAM, "\"dev.caisson.rootfs\":\"overlay\"");
        Outcome outcome = shell("""
                $R run -d c > ../out 2>&1
                until_ '$R exec c cat /made > /dev/null 2>&1'
                $R diff c -o ../layer.tar; tar tf ../layer.tar | LC_ALL=C sort
                $R diff c | tar xO made
                ls rootfs; $R exec c touch /stop; $R wait c; cat ../out
                """);
        assertEquals("""
                ./
                .wh.gone
                count
                made
                begun
                bin
                dev
                gone
                proc
                volume
                {"id":"c","exitStatus":0}
                begun
                over
                """, outcome.output(), outcome::toString);
        assertEquals("", outcome.errors());
    }

    @Test
    void annotationsChooseWhatTheOperatorAllows() throws IOException, InterruptedException {
        String[][] refused = {
            {"\"dev.caisson.rootfs\":\"9p\"",
                "annotations[\"dev.caisson.rootfs\"]: 9p is not allowed here; etc/caisson.containers.cfg says rootfs=hostdir,overlay"},
            {"\"dev.caisson.rootfs\":\"overlay,size=1m,upperdir=/tmp\"",
                "annotations[\"dev.caisson.rootfs\"]: upperdir is not allowed here; etc/caisson.containers.cfg says rootfs.options=size,cache"},
            {"\"dev.caisson.colour\":\"red\"", "annotations[\"dev.caisson.colour\"]: "},
        };
        for (String[] each : refused) {
            configure("true", each[0]);
            Outcome outcome = shell("$R run c; ls ../r");
            assertEquals(0, outcome.errors().indexOf("caisson: run c: " + each[1]), outcome::toString);
            assertEquals("", outcome.output());
        }
    }
}
