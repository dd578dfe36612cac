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

/** The ordinary commands on a container start no Java runtime: here is one that does nothing but say that it was started. */
@Timeout(value = 900)
final class CommandsWithoutJavaIT {
    private static final String NO_JAVA = """
            mkdir -p $D/jdk/bin
            echo 'JAVA_VERSION="25"' >$D/jdk/release
            printf '#!/bin/sh\\necho Java was started; exit 99\\n' >$D/jdk/bin/java
            chmod +x $D/jdk/bin/java
            no_java() { CAISSON_JAVA_HOME=$D/jdk "$@"; }
            """;
    private BusyboxBundle bundle;

    @BeforeEach
    void make() throws IOException, InterruptedException {
        assumeTrue((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0, "others may lack control groups and namespaces");
        bundle = BusyboxBundle.make();
        bundle.configure("while true; do sleep 1; done", "", "");
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (bundle != null) {
            bundle.shell("for id in $($R list -q); do $R delete --force $id; done; CAISSON_POOL=$D/pool $CAISSON pool stop");
            bundle.close();
        }
    }

    private void shows(String expected, String script) throws IOException, InterruptedException {
        Outcome outcome = bundle.shell(NO_JAVA + script);
        assertEquals(expected, outcome.output(), outcome::toString);
    }

    @Test
    void aContainerIsUsedAndDeleted() throws IOException, InterruptedException {
        shows("""
                status:running
                hello
                status 7
                in and out
                1000 /tmp b
                of a file
                detached 0
                there
                status:paused
                deleted 0
                deleted 0
                nothing is left
                """, """
                $R create -b . --pid-file $D/first c </dev/null >$D/out 2>&1 || cat $D/out
                no_java $R start c
                status() { no_java $R state c | tr -d ' "' | grep ^status: | tr -d ,; }
                status
                no_java $R exec c /bin/sh -c 'echo hello; exit 7'; echo status $?
                echo in and out | no_java $R exec c /bin/cat
                no_java $R exec --env A=b --cwd /tmp --user 1000 c /bin/sh -c 'echo $(id -u) $(pwd) $A'
                echo '{"args":["/bin/sh","-c","echo of a file"],"cwd":"/","user":{"uid":0,"gid":0}}' >$D/process.json
                no_java $R exec --process $D/process.json c
                no_java $R exec --detach --pid-file $D/second c /bin/sleep 1000; echo detached $?
                [ -d /proc/$(cat $D/second) ] && echo there
                no_java $R pause c; status; no_java $R resume c
                no_java $R kill c CONT
                no_java $R delete --force c; echo deleted $?
                no_java $R delete --force c; echo deleted $?
                [ -e $D/r/c ] || echo nothing is left
                """);
    }

    @Test
    void aContainerTakesASandboxOfThePool() throws IOException, InterruptedException {
        shows("""
                created 0
                status:running
                hello
                deleted 0
                nothing is left
                """, """
                sed -i 's/,{"type":"user"}//' config.json # such containers have sandboxes of their own
                export CAISSON_POOL=$D/pool
                $CAISSON pool start 1 >/dev/null
                no_java $R create -b . --pid-file $D/first c </dev/null >$D/out 2>&1; echo created $?
                no_java $R start c
                no_java $R state c | tr -d ' "' | grep ^status: | tr -d ,
                no_java $R exec c /bin/sh -c 'echo hello'
                no_java $R delete --force c; echo deleted $?
                [ -e $D/r/c ] || [ "$(ls $D/pool/used)" ] || echo nothing is left
                """);
    }
}
