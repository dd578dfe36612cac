package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A program on a terminal: raw mode, window size, ^C, ^D, ^Z and job control, inside and for the shell around Caisson. */
final class TerminalIT extends OnEachPlatform {
    /** Runs a shell script on a terminal while the steps of terminal/drive.py are typed. */
    private static Outcome onTerminal(String script, String... steps) throws IOException, InterruptedException {
        return drive(List.of("/bin/sh", "-c", script), steps);
    }

    private static Outcome drive(List<String> program, String... steps) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("python3", Runner.MODULE.resolve("terminal/drive.py").toString()));
        command.addAll(List.of(steps));
        command.add("--");
        command.addAll(program);
        return Runner.natively(command);
    }

    @Test
    void theTerminalIsATerminalInsideToo() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("exec $CAISSON do -- sh -c 'test -t 0 && test -t 1 && echo is a tty; stty size; tty;"
                + " stty -a | grep -c icanon; ps -o pid= -t $(tty) | wc -l; echo x > /dev/tty; exit 5'");
        List<String> lines = outcome.output().lines().toList();
        assertEquals("is a tty", lines.get(0), outcome::toString);
        assertEquals("24 80", lines.get(1), outcome::toString);
        assertTrue(lines.get(2).startsWith("/dev/"), outcome::toString);
        assertEquals("1", lines.get(3), outcome::toString);
        assertEquals("x", lines.getLast(), outcome::toString);
        assertEquals(5, outcome.status());
    }

    @Test
    void linesAreEditedAndEchoedAndEndWithControlD() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("exec $CAISSON do -- sh -c 'echo ready; cat | sed s/^/got-/; echo end'",
                "expect:ready", "send:hello\\x7f\\x7fp\\n", "send:\\x04", "expect:end");
        assertTrue(outcome.output().contains("got-help\n"), outcome::toString);
        assertTrue(outcome.output().contains("hello"), "echo: " + outcome);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    @Test
    void rawModeReachesTheRealTerminalAndIsUndone() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("before=$(stty -g); $CAISSON do -- bash -c 'stty -echo -icanon min 1; echo ready; read -n 1 c;"
                + " echo \"<$c>\"; stty sane'; echo back; [ \"$(stty -g)\" = \"$before\" ] || stty -a",
                "expect:ready", "send:q", "expect:back");
        assertTrue(outcome.output().contains("ready\n<q>\n"), "one key, not echoed, without Return: " + outcome);
    }

    @Test
    void aNewWindowSizeArrivesWithItsSignal() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("exec $CAISSON do -- bash -c 'trap \"stty size; exit 3\" WINCH; echo ready; while :; do sleep 0.1; done'",
                "expect:ready", "size:33x101", "expect:33 101");
        assertEquals(3, outcome.status(), outcome::toString);
    }

    @Test
    void controlCInterruptsTheForegroundProgram() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("exec $CAISSON do -- sh -c 'trap \"echo trapped\" INT; sh -c \"echo ready; exec sleep 100\"; echo status $?; exit 6'",
                "expect:ready", "send:\\x03", "expect:status 130");
        assertTrue(outcome.output().contains("trapped\n"), outcome::toString);
        assertEquals(6, outcome.status(), outcome::toString);
    }

    @Test
    void controlCEndsAProgramThatDoesNotCare() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("$CAISSON do -- sh -c 'echo ready; exec sleep 100'; echo status $?",
                "expect:ready", "send:\\x03", "expect:status 130");
        assertTrue(outcome.output().contains("^C"), outcome::toString);
    }

    @Test
    void anInteractiveShellInsideHasJobControl() throws IOException, InterruptedException {
        Outcome outcome = onTerminal("exec $CAISSON do --env PS1='$ ' -- bash --norc --noprofile -i",
                "expect:$ ", "send:sh -c 'echo sleeps$((1)); exec sleep 100'\\n", "expect:sleeps1", "send:\\x1a", "expect:Stopped",
                "send:jobs\\n", "expect:sleep 100", "send:bg\\n", "expect:sleep 100' &", "send:kill %1; wait %1\\n", "send:\\n",
                "expect:Terminated", "send:sh -c 'echo reads$((1)); exec cat'\\n", "expect:reads1", "send:\\x03", "expect:^C", "expect:$ ", "send:exit 7\\n");
        assertEquals(7, outcome.status(), outcome::toString);
        assertTrue(!outcome.output().contains("no job control"), outcome::toString);
    }

    @Test
    void controlZStopsCaissonForTheShellAroundIt() throws IOException, InterruptedException {
        Path guest = Files.createTempFile("caisson-terminal", ".sh");
        try {
            Files.writeString(guest, "echo ready; i=0; while [ $i -lt 60 ]; do i=$((i+1)); read -t 10 x && break; done; echo got $x; exit 8\n");
            Outcome outcome = drive(List.of("bash", "--norc", "--noprofile", "-i"), "send:PS1=PROMPT-\\n", "expect:PROMPT-", "expect:PROMPT-",
                    "send:" + Runner.caisson() + " do -- bash " + guest + "\\n", "expect:ready\r\n", "quiet:300", "send:\\x1a",
                    "expect:Stopped", "expect:PROMPT-", "send:echo outer $((40+2))\\n", "expect:outer 42\r\n", "send:fg\\n", "quiet:500",
                    "send:word\\n", "expect:got word", "expect:PROMPT-", "send:exit $?\\n");
            assertEquals(8, outcome.status(), outcome::toString);
        } finally {
            Files.delete(guest);
        }
    }
}
