package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Root filesystems put together on the command line: layers from archives and directories, upper layers that stay, volumes. */
final class LayersIT {
    /** What a tree is, for comparison: types, modes, owners, sizes, links, times, targets, names; and all contents. */
    private static final String DESCRIBE = "cd /data && find . -printf '%y %m %U:%G %l %P' -a \\( -type d -printf '\\n' -o -printf ' %n %s %T@\\n' \\)"
            + " | sort -k5 && find . -type f | sort | xargs md5sum && getfattr -R -d -m user . 2>/dev/null | cat";

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("caisson-layers").toRealPath();
    }

    @AfterEach
    void removeDirectory() throws IOException, InterruptedException {
        new ProcessBuilder("rm", "-rf", directory.toString()).start().waitFor(); // work directories have modes that Java cannot enter
    }

    private Outcome shell(String script) throws IOException, InterruptedException {
        return Runner.shell("cd " + directory + "\n" + script);
    }

    private static void assertOutput(String expected, Outcome outcome) {
        assertEquals(expected, outcome.output(), outcome::toString);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    @Test
    void archivesAreLayersWithTheirMarksAndPrograms() throws IOException, InterruptedException {
        assertOutput("added\nold\nbase,.wh,hidden gone\nlink ok\n42\n", shell("""
                mkdir -p base/d base/opaque base/keep lower/d lower/opaque
                echo base > base/d/removed; echo old > base/keep/f; echo hidden > base/opaque/x
                echo added > lower/d/new; touch lower/d/.wh.removed lower/opaque/.wh..wh..opq
                ln lower/d/new lower/hard; ln -s d/new lower/soft
                mkdir lower/opt; cp /bin/true lower/opt/program
                printf '#!/bin/sh\\nexpr 6 \\\\* 7\\n' > lower/opt/script; chmod 755 lower/opt/script
                tar -C lower -czf layer.tar.gz .
                $CAISSON do --lower layer.tar.gz --lower base --lower / --cwd / -- sh -c '
                    cat /d/new /keep/f
                    test -e /d/removed || test -e /opaque/x || echo base,.wh,hidden gone
                    test /hard -ef /d/new && test "$(cat /soft)" = added && echo link ok
                    /opt/program && /opt/script'
                """));
    }

    @Test
    void anUpperDirectoryKeepsChanges() throws IOException, InterruptedException {
        assertOutput("second\nremoved\nhost untouched\n", shell("""
                mkdir -p upper base/x; echo first > base/x/f; echo gone > base/x/g
                $CAISSON do --rootfs-upper upper --lower base --lower / --cwd / -- sh -c 'echo second > /x/f; rm /x/g' || exit
                $CAISSON do --rootfs-upper upper --lower base --lower / --cwd / -- sh -c 'cat /x/f; test -e /x/g || echo removed' || exit
                test "$(cat base/x/f)" = first && test -e base/x/g && echo host untouched
                """));
    }

    @Test
    void theSizeOfTheUpperLayerIsALimit() throws IOException, InterruptedException {
        Outcome outcome = shell("$CAISSON do --rootfs-size 2M -- sh -c 'head -c 4M /dev/zero > /var/tmp/big; stat -c %s /var/tmp/big; rm /var/tmp/big; "
                + "head -c 1M /dev/zero > /var/tmp/small && echo room again'");
        assertTrue(outcome.errors().contains("No space left on device"), outcome::toString);
        assertTrue(outcome.output().endsWith("room again\n"), outcome::toString);
    }

    @Test
    void aDiffIsALayerThatMakesTheSameTree() throws Exception {
        Files.createDirectories(directory.resolve("base/data/sub"));
        shell("cd base/data; echo one > a; echo two > sub/b; mkdir gone empty renamed; echo x > gone/x; echo y > renamed/y; ln a hard; ln -s a soft");
        String changes = """
                cd /data; echo more >> sub/b; rm -r gone; mkdir gone; echo new > gone/new; mv renamed moved; chmod 700 empty
                truncate -s 50M sparse; echo end >> sparse; mkfifo fifo; ln sub/b sub/c; ln -s /nowhere dangling; touch -d 2001-02-03T04:05:06.789 a
                mkdir -p "deep/$(printf %0150d 1)/$(printf %0150d 2)"; echo long > deep/*/*/f; setfattr -n user.x -v "a b" sub/b 2>/dev/null; rmdir none 2>/dev/null
                """;
        Process sandbox = Runner.start(directory, "exec $CAISSON --root run do --id box --lower base --lower / --cwd / -- sh -c '"
                + changes + "(" + DESCRIBE.replace("'", "'\\''") + ") > /tmp/first; echo ready; read end; cat /tmp/first'");
        try {
            BufferedReader output = new BufferedReader(new InputStreamReader(sandbox.getInputStream()));
            assertEquals("ready", output.readLine());
            Outcome diff = shell("$CAISSON --root run diff box -o layer.tar && $CAISSON --root run diff box > again.tar && cmp layer.tar again.tar "
                    + "&& $CAISSON --root run list && $CAISSON --root run diff none");
            assertTrue(diff.errors().contains("no sandbox named none runs; there are: box"), diff::toString);
            assertTrue(diff.output().contains("UPPER") && diff.output().contains("memory"), diff::toString);
            assertTrue(Files.size(directory.resolve("layer.tar")) < 2_000_000, "holes were written");
            sandbox.getOutputStream().write('\n');
            sandbox.getOutputStream().flush();
            StringBuilder expected = new StringBuilder();
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                expected.append(line).append('\n');
            }
            assertTrue(expected.toString().contains("dangling"), expected.toString());
            Outcome second = shell("$CAISSON do --lower layer.tar --lower base --lower / --cwd / -- sh -c '" + DESCRIBE.replace("'", "'\\''") + "'");
            assertEquals(expected.toString(), second.output(), second::toString);
            Outcome listed = shell("tar tf layer.tar");
            assertTrue(listed.output().contains("data/gone/.wh..wh..opq\n") && listed.output().contains("data/.wh.renamed\n"), listed::toString);
            assertTrue(sandbox.waitFor(60, TimeUnit.SECONDS));
        } finally {
            Runner.end(sandbox);
        }
    }

    @Test
    void volumesAreServedByAGofer() throws IOException, InterruptedException {
        assertOutput("9p\nhello\nread-only\n", shell("""
                mkdir shared fixed; echo hello > shared/f
                $CAISSON do --volume $PWD/shared:/mnt/a:9p:cache=exclusive --volume $PWD/fixed:/mnt/b:ro:9p -- sh -c '
                    grep " /mnt/a " /proc/mounts | cut -d" " -f3; cat /mnt/a/f; echo back > /mnt/a/g; echo x 2>/dev/null > /mnt/b/x || echo read-only'
                test "$(cat shared/g)" = back
                """));
    }

    @Test
    void whatCannotBeARootIsOneLine() throws IOException, InterruptedException {
        shell("mkdir tree; echo x > tree/f; tar -cf evil.tar --transform s,^,../, -P tree; head -c 700 evil.tar > short.tar; printf '(\\265/\\375' > x.tar.zst");
        assertRefused("leads out of it", "--lower evil.tar --lower /");
        assertRefused("short.tar", "--lower short.tar --lower /");
        assertRefused("compressed by zstd", "--lower x.tar.zst --lower /");
        assertRefused("not hostdir", "--rootfs hostdir --rootfs-size 1M"); // CommandLineParserTest has the others of this kind
    }

    private void assertRefused(String reason, String options) throws IOException, InterruptedException {
        Outcome outcome = shell("$CAISSON do " + options + " -- true");
        assertTrue(outcome.errors().contains(reason), outcome::toString);
        assertTrue(outcome.status() == 2 || outcome.status() == 125, outcome::toString);
        assertFalse(outcome.errors().contains("\tat "), outcome::toString);
        assertEquals(1, outcome.errors().lines().filter(line -> !line.startsWith("Try:")).count(), outcome::toString);
    }
}
