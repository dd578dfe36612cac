package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Start-up caches are used with the jars that they were made of, and with no others: bin/caisson with a Java runtime that only shows its options. */
final class StartCachesIT {
    private static final String SETUP = """
            mkdir -p jdk/bin home/bin home/lib home/bundles
            echo 'JAVA_VERSION="25"' > jdk/release
            printf '#!/bin/sh\\nfor word; do case $word in -XX:AOTCache=*|*caches.stale*) echo "${word##*/}"; exit; esac; done; echo without\\n' > jdk/bin/java
            chmod +x jdk/bin/java
            cp "$CAISSON" home/bin/caisson
            export CAISSON_JAVA_HOME=$PWD/jdk CAISSON_HOME=
            echo one > home/lib/one.jar; echo two > home/bundles/two.jar; echo cache > home/lib/caisson.aot; echo cache > home/lib/client.aot
            sums() { (cd home && cksum lib/*.jar bundles/*.jar > lib/jars.sums); }
            show() { home/bin/caisson version; home/bin/caisson features; }
            # What happens to a jar within one tick of the clock is not seen: not by people either.
            change() { until [ "$(find home/bundles -name '*.jar' -newercm home/lib/jars.sums)" ]; do "$@"; done; }
            """;

    @TempDir
    Path directory;

    private void shows(String expected, String script) throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("cd " + directory + "\n" + SETUP + script);
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void cachesOfTheseJarsAreUsed() throws IOException, InterruptedException {
        shows("caisson.aot\nclient.aot\n", "sums; show");
    }

    @Test
    void changedJarIsNoticedWhateverItsTimeAndSize() throws IOException, InterruptedException {
        String stale = "-Dcaisson.caches.stale=true\n";
        shows(stale + stale + "caisson.aot\nclient.aot\n", """
                sums
                replace() { echo owt > home/bundles/two.jar; touch -d 2020-01-01 home/bundles/two.jar; }
                change replace; show
                sums; show
                """);
    }

    @Test
    void anOlderJarThatIsMovedInIsNoticed() throws IOException, InterruptedException {
        shows("-Dcaisson.caches.stale=true\n", """
                echo old > old.jar; touch -d 2020-01-01 old.jar; sums
                replace() { cp -p old.jar next.jar; mv next.jar home/bundles/two.jar; }
                change replace; home/bin/caisson version
                """);
    }

    @Test
    void installationThatWasCopiedKeepsItsCaches() throws IOException, InterruptedException {
        shows("caisson.aot\nclient.aot\ncaisson.aot\n", """
                sums
                copy() { cp -a home/bundles/two.jar next.jar; mv next.jar home/bundles/two.jar; }
                change copy; show; home/bin/caisson version
                """);
    }

    @Test
    void withoutSumsOrCachesThereIsNone() throws IOException, InterruptedException {
        shows("-Dcaisson.caches.stale=true\nwithout\n", """
                home/bin/caisson version
                sums; rm home/lib/caisson.aot; home/bin/caisson version
                """);
    }
}
