package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Programs start before the container, which follows while they run, and then rules them as if it had been first. */
final class BootIT {
    private static final String UP = "the container is up and has the sandbox";
    /** A distribution whose configuration may be changed. */
    private static final String COPY = "cp -a ${CAISSON%/bin/caisson} copy && copy/bin/caisson";

    @Test
    void aShortProgramDoesNotWaitForTheContainer() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --log log -- /bin/sh -c 'exit 3'; echo $?; cat log");
        assertTrue(outcome.output().startsWith("3\n"), outcome::toString);
        assertTrue(outcome.output().contains("runs /bin/sh"), outcome::toString);
        assertFalse(outcome.output().contains(UP), outcome::toString);
    }

    @Test
    void theContainerTakesOverALongerOneAndItFollowsTheConfiguration() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("mkdir shared; : > log; " + COPY + " do --log log --volume $PWD/shared:/shared --"
                + " /bin/sh -c 'until [ -e /shared/end ]; do sleep 0.02; done; exit 4' &"
                + " pid=$!; while ! grep -q '" + UP + "' log; do sleep 0.05; done;"
                + " echo name=absent > copy/etc/caisson.syscalls.cfg;"
                + " while ! grep -q 'caisson.syscalls names absent' log; do sleep 0.05; done; : > shared/end; wait $pid; echo $?");
        assertEquals("4\n", outcome.output(), outcome::toString);
        assertEquals("", outcome.errors());
    }

    @Test
    void withBundlesDroppedInTheContainerComesFirst() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("cp -a ${CAISSON%/bin/caisson} copy; : > copy/deploy/vendor.cfg;"
                + " copy/bin/caisson do --log log --debug -- /bin/echo ran; grep -c '" + UP + "' log");
        assertEquals("ran\n0\n", outcome.output(), outcome::toString);
    }

    @Test
    void withoutAPlanEverythingWorks() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("cp -a ${CAISSON%/bin/caisson} copy; rm copy/lib/boot.plan; copy/bin/caisson do -- /bin/sh -c 'exit 6'");
        assertEquals(6, outcome.status(), outcome::toString);
        assertEquals("", outcome.errors());
    }
}
