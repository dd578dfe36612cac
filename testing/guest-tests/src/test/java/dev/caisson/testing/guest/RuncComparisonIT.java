package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line next to that of the machine's runc: what one takes the other takes, and failures have the same status. */
final class RuncComparisonIT {
    /** Each line is a command; what runc says of a container or a signal that is not there is said by both. */
    private static final String COMMANDS = """
            state nosuch
            state
            state a b
            state a/b
            kill nosuch
            kill nosuch NOSIGNAL
            kill
            kill --nosuch x
            start nosuch
            start
            delete nosuch
            delete -f nosuch
            delete
            exec nosuch true
            exec nosuch
            exec
            exec --nosuch x true
            pause nosuch
            resume nosuch
            ps nosuch
            events --stats nosuch
            update nosuch
            list
            list -q
            list -f json
            list -f bad
            create
            create -b /nonexistent x
            create --nosuch x
            run -b /nonexistent x
            run
            spec extra
            --log-format bad list
            help
            --help
            --version
            state --help
            exec -h
            features
            """;

    @TempDir
    Path directory;

    @BeforeEach
    void find() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v runc").status() == 0, "runc is not installed");
    }

    private String all(String program) throws IOException, InterruptedException {
        Files.writeString(directory.resolve("commands"), COMMANDS);
        Outcome outcome = Runner.shell("cd " + directory + """

                while read -r line; do
                    %s --root %s $line </dev/null >out 2>err
                    echo "$line: $? $(grep -o -m 1 'container does not exist' err)"
                done <commands
                """.formatted(program, directory.resolve("root")));
        return outcome.output();
    }

    @Test
    void failuresHaveTheSameStatusAndSayTheSameOfWhatIsNotThere() throws IOException, InterruptedException {
        assertEquals(all("runc"), all("$CAISSON"));
    }

    /** Of other kernels' security modules, and of resctrl, there is nothing here; what is refused is refused by its name. */
    @Test
    void optionsOfRuncAreKnown() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("cd " + directory + """

                for command in create start run exec state kill delete list ps events pause resume update spec features; do
                    runc $command --help | sed -n '/^OPTIONS/,$p' | grep -oE '^ +(--[a-z-]+|-[a-z])' | tr -d ' ' | sort -u >theirs
                    $CAISSON $command --help | grep -oE -- '--[a-z-]+|(^| )-[a-z]\\b' | tr -d ' ' | sort -u >ours
                    comm -23 theirs ours | grep -vE '^--(apparmor|cgroup|process-label|l|mem-bw-schema)$' | sed "s/^/$command /"
                done
                """);
        assertEquals("", outcome.output(), outcome::toString);
    }
}
