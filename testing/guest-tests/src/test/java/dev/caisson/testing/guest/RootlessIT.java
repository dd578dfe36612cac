package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An ordinary user's sandboxes: without any right of root's, in a user namespace where the user is called root. */
@Timeout(value = 900)
final class RootlessIT {
    private static final int USER = 54321;

    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        assumeTrue((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0, "becoming another user is root's");
        assumeTrue(asUser("test -r \"$CAISSON\" -a -r /proc/self/status").status() == 0, "an ordinary user cannot read the distribution or /proc here");
        assumeTrue(asUser("unshare -U true").status() == 0, "this host allows ordinary users no user namespaces");
        bundle = BusyboxBundle.make();
        Runner.shell("chmod 755 " + bundle.directory + "; mkdir " + bundle.directory + "/run; chown -R " + USER + ":" + USER + " "
                + bundle.directory);
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.close();
        }
    }

    private static Outcome asUser(String script) throws IOException, InterruptedException {
        return Runner.shell("exec setpriv --reuid " + USER + " --regid " + USER + " --clear-groups sh -c '" + script.replace("'", "'\\''") + "'");
    }

    private Outcome inBundle(String script) throws IOException, InterruptedException {
        return asUser("export XDG_RUNTIME_DIR=" + bundle.directory + "/run HOME=" + bundle.directory + "; cd " + bundle.directory + "/b; " + script);
    }

    @Test
    void aProgramOfTheHostRunsAsTheUser() throws IOException, InterruptedException {
        Outcome outcome = inBundle("$CAISSON do -- /usr/bin/id -u; echo $?");
        assertEquals(USER + "\n0\n", outcome.output(), outcome::toString);
    }

    @Test
    void aBundleOfSpecRunsWithTheUsersFilesAsRoots() throws IOException, InterruptedException {
        Outcome outcome = inBundle("""
                $CAISSON spec --rootless
                sed -i 's/"terminal": *true/"terminal":false/; s/"readonly": *true/"readonly":false/; s/"sh"/"sh","-c","id -u; stat -c %u bin; touch made; exit 5"/' config.json
                $CAISSON --rootless true run one </dev/null; echo $?
                stat -c %u rootfs/made
                $CAISSON run -d two </dev/null; $CAISSON wait two; $CAISSON list -q
                $CAISSON list --format json | grep -o '"owner":"[^"]*"'; $CAISSON state two | grep -o '"owner":"[^"]*"'; $CAISSON delete two
                $CAISSON create three </dev/null && $CAISSON start three >/dev/null; $CAISSON wait three; $CAISSON delete --force three
                find $XDG_RUNTIME_DIR -mindepth 2 ! -name '.*'
                """);
        String each = "0\n0\n";
        String owner = "\"owner\":\"#" + USER + "\"\n"; // it has no name
        assertEquals(each + "5\n" + USER + "\n" + each + "{\"id\":\"two\",\"exitStatus\":5}\ntwo\n" + owner + owner + each + "{\"id\":\"three\",\"exitStatus\":5}\n",
                outcome.output(), outcome::toString);
    }

    @Test
    void limitsThatNeedTheHostAreRefusedByNameAndOthersAreKept() throws IOException, InterruptedException {
        String ids = ",\"uidMappings\":[{\"containerID\":0,\"hostID\":" + USER + ",\"size\":1}],\"gidMappings\":[{\"containerID\":0,\"hostID\":" + USER
                + ",\"size\":1}]";
        bundle.configure("cat /sys/fs/cgroup/memory.max", ids + ",\"resources\":{\"memory\":{\"limit\":67108864}}", "");
        Outcome kept = inBundle("$CAISSON run one </dev/null; echo $?");
        assertEquals("67108864\n0\n", kept.output(), kept::toString);
        bundle.configure("true", ids + ",\"resources\":{\"cpu\":{\"shares\":5}}", "");
        Outcome refused = inBundle("$CAISSON run one </dev/null 2>&1 | grep -c linux.cgroupsPath");
        assertEquals("1\n", refused.output(), refused::toString);
    }
}
