package dev.caisson.testing.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.testing.guest.Outcome;
import dev.caisson.testing.guest.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A container engine of one test class: a directory with everything of its own, its daemon if it has one, and scripts that use it. */
final class Engine {
    private static final int LOG_TAIL = 6000;

    private final Path directory;
    private final String prelude;
    private Daemon daemon;

    /**
     * Makes an engine without a daemon; skips the test where it cannot run.
     *
     * @param name for the directory
     * @param prelude lines of shell before each script; {@code $D} is the directory
     * @param programs what has to be there
     */
    Engine(String name, String prelude, List<Path> programs) throws IOException, InterruptedException {
        for (Path program : programs) {
            assumeTrue(Files.isExecutable(program), "no " + program + "; ./verify installs it");
        }
        assumeTrue(Runner.shell("test $(id -u) = 0").status() == 0, "container engines need root");
        // The sockets of shims have room for short names only.
        directory = Files.createTempDirectory("caisson-" + name);
        this.prelude = prelude;
    }

    /** {@return its directory} */
    Path directory() {
        return directory;
    }

    /**
     * Starts the daemon, and waits until a script succeeds that asks it something.
     *
     * @param question the script
     * @param command the daemon
     */
    void start(String question, List<String> command) throws IOException, InterruptedException {
        daemon = Daemon.start(directory.resolve("log"), command);
        daemon.await("an answer of the daemon", () -> run(question).status() == 0);
    }

    /**
     * Runs a script. {@code await COMMAND} in it repeats a command until it succeeds, {@code shim} is oci/shim.py, {@code $CAISSON} the command under
     * test.
     *
     * @param script for sh
     * @return what it showed
     */
    Outcome run(String script) throws IOException, InterruptedException {
        return Runner.shell("D=" + directory + "; M=" + Runner.MODULE + "\n" + """
                shim() { python3 $M/oci/shim.py "$@"; }
                await() {
                    i=0
                    until "$@" >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 900 ] || { echo "never: $*"; exit 1; }; sleep 0.2; done
                }
                """ + prelude + "\n" + script);
    }

    /**
     * Runs a script.
     *
     * @param expected its output
     * @param script for sh
     */
    void shows(String expected, String script) throws IOException, InterruptedException {
        Outcome outcome = run(script);
        String log = daemon == null ? "" : daemon.log();
        assertEquals(expected, outcome.output(), () -> outcome + "\n--- daemon\n" + log.substring(Math.max(0, log.length() - LOG_TAIL)));
    }

    /** {@return what the daemon has logged but information} */
    String complaints() throws IOException {
        return String.join("\n", daemon.log().lines().filter(line -> !line.contains("level=info")).toList());
    }

    /** Ends the daemon, unmounts what it leaves mounted, and removes the directory. */
    void close() throws IOException, InterruptedException {
        if (daemon != null) {
            daemon.close();
        }
        Runner.shell("cut -d' ' -f5 /proc/self/mountinfo | grep '^" + directory + "' | sort -r | xargs -r umount -l; rm -rf " + directory);
    }
}
