package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Standard input, output and error behave as if the program had been run directly. */
final class StandardStreamsIT {
    /** Runs a script with {@code RUN} empty and with {@code RUN} running in a sandbox; both must show the same. */
    private static Outcome sameAsDirectly(String script) throws IOException, InterruptedException {
        Outcome direct = Runner.shell("RUN=; " + script);
        Outcome sandboxed = Runner.shell("RUN=\"$CAISSON do --\"; " + script);
        assertEquals(direct, sandboxed);
        return sandboxed;
    }

    @Test
    void pipesCarryDataBothWays() throws IOException, InterruptedException {
        Outcome outcome = sameAsDirectly("seq 1 20000 | $RUN sh -c 'sort -n | tail -1; echo err >&2' | sed s/0/o/g");
        assertEquals("2oooo\n", outcome.output());
        assertEquals("err\n", outcome.errors());
    }

    @Test
    void manyBytesGoThroughPipesUnchanged() throws IOException, InterruptedException {
        sameAsDirectly("head -c 20000000 /dev/zero | tr '\\0' x | $RUN cat | $RUN wc -c | tr -d ' '");
    }

    @Test
    void aBrokenPipeEndsTheProgram() throws IOException, InterruptedException {
        Outcome outcome = sameAsDirectly("{ $RUN yes; echo $? >&2; } | head -1");
        assertEquals("141\n", outcome.errors());
    }

    @Test
    void outputContinuesAtTheFilesOffset() throws IOException, InterruptedException {
        sameAsDirectly("{ echo before; $RUN sh -c 'echo inside; echo more'; echo after; } > file; cat file");
    }

    @Test
    void whoeverSharesAFileGoesOnWhereTheOtherStopped() throws IOException, InterruptedException {
        Outcome outcome = sameAsDirectly("mkfifo pipe; exec 9<>pipe; { $RUN sh -c 'echo 1; read go; echo 3' <&9 &"
                + " until [ -s file ]; do sleep 0.02; done; echo 2; echo go >&9; wait; echo 4; } > file; cat file");
        assertEquals("1\n2\n3\n4\n", outcome.output());
    }

    @Test
    void appendModeIsRespected() throws IOException, InterruptedException {
        sameAsDirectly("echo first > file; { $RUN sh -c 'echo one; echo two'; echo three; } >> file; cat file");
        sameAsDirectly("echo first > file; exec 3>> file; echo second >> file; $RUN sh -c 'echo third' >&3; cat file");
    }

    @Test
    void inputStartsAtTheFilesOffsetAndMovesIt() throws IOException, InterruptedException {
        Outcome outcome = sameAsDirectly("seq 1 5 > file; exec 0< file; read a; $RUN sh -c 'read b; echo inside $b'; read c; echo $a $c");
        assertEquals("inside 2\n1 3\n", outcome.output());
    }

    @Test
    void oneFileForOutputAndErrorSharesItsOffset() throws IOException, InterruptedException {
        sameAsDirectly("$RUN sh -c 'echo out; echo err >&2; echo out' > file 2>&1; cat file");
    }

    @Test
    void theNullDeviceIsEmptyAndSwallows() throws IOException, InterruptedException {
        sameAsDirectly("$RUN sh -c 'wc -c; echo lost; ls -l /proc/self/fd/0 | sed \"s/.*-> //\"; [ -c /dev/stdin ]; echo $? >&2' < /dev/null > /dev/null");
    }

    @Test
    void closedStreamsStayClosed() throws IOException, InterruptedException {
        sameAsDirectly("$RUN cat <&-; echo $?; $RUN sh -c 'echo x; echo $? >&2' >&-");
    }

    @Test
    void kindsOfStreamsShow() throws IOException, InterruptedException {
        sameAsDirectly("true | $RUN sh -c '[ -p /dev/stdin ]; echo pipe $?; [ -t 0 ]; echo tty $?; [ -f /dev/stdout ]; echo file $?'"
                + " > file; cat file; stat -c %s file");
    }

    @Test
    void inputThatNobodyReadsIsLeftInThePipe() throws IOException, InterruptedException {
        Outcome outcome = sameAsDirectly("seq 1 3 | { $RUN true; cat; }");
        assertEquals("1\n2\n3\n", outcome.output());
    }

    @Test
    void aProgramThatEndsWhileTheContainerComesUpHearsNothingOfIt() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("for end in 1.9 2.1 2.3 2.6; do $CAISSON do -- sleep $end & done; wait");
        assertEquals("", outcome.output());
        assertEquals("", outcome.errors());
    }
}
