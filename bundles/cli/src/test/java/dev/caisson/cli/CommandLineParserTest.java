package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.Volume;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CommandLineParserTest {
    private static Command parse(String... words) {
        return new CommandLineParser().parse(List.of(words));
    }

    private static SandboxSpec spec(String... words) {
        return assertInstanceOf(Command.Do.class, parse(words)).spec();
    }

    private static String refusal(String... words) {
        return assertInstanceOf(Command.WrongUsage.class, parse(words)).message();
    }

    @Test
    void wordsBehindTwoDashesAreTheProgramsOwn() {
        assertEquals(List.of("echo", "--env", "-n", "--"), spec("do", "--", "echo", "--env", "-n", "--").command());
    }

    @Test
    void theFirstOtherWordEndsTheOptions() {
        assertEquals(List.of("ls", "-l", "--debug"), spec("do", "--debug", "ls", "-l", "--debug").command());
    }

    @Test
    void valuesFollowAsAWordOrBehindAnEqualsSign() {
        SandboxSpec spec = spec("do", "--hostname=box", "--cwd", "/tmp", "--memory", "64M", "--user=5:6", "--", "true");
        assertEquals("box", spec.hostname());
        assertEquals("/tmp", spec.workingDirectory());
        assertEquals(64 << 20, spec.memoryLimitBytes());
        assertEquals(5, spec.uid());
        assertEquals(6, spec.gid());
    }

    @Test
    void providersAreChosenByKind() {
        assertEquals(Map.of(ProviderKind.PLATFORM, "p", ProviderKind.SYSCALLS, "s"),
                spec("do", "--platform", "p", "--syscalls=s", "true").providers());
    }

    @Test
    void environmentSettingsReplaceAndAdd() {
        List<String> environment = spec("do", "--env", "A_NEW_ONE=1", "--env", "A_NEW_ONE=2", "true").environment();
        assertTrue(environment.contains("A_NEW_ONE=2"));
        assertTrue(!environment.contains("A_NEW_ONE=1"));
    }

    @Test
    void volumesAreCollected() {
        assertEquals(List.of(new Volume("/a", "/b", true), new Volume("/c", "/d", false)),
                spec("do", "--volume", "/a:/b:ro", "--volume=/c:/d", "true").volumes());
    }

    @Test
    void straceTakesAFileOnlyBehindAnEqualsSign() {
        assertNull(spec("do", "true").strace());
        assertEquals("-", spec("do", "--strace", "true").strace());
        assertEquals("/tmp/x", spec("do", "--strace=/tmp/x", "true").strace());
    }

    @Test
    void anUnknownOptionIsRefusedWithTheOnesThatAre() {
        String message = refusal("do", "--nosuch", "true");
        assertTrue(message.contains("--nosuch") && message.contains("--platform"), message);
    }

    @Test
    void anUnknownCommandIsRefusedWithTheOnesThatAre() {
        assertTrue(refusal("fly").contains("do, shell, help"));
    }

    @Test
    void wrongValuesAreRefused() {
        assertTrue(refusal("do", "--memory", "much", "true").contains("much"));
        assertTrue(refusal("do", "--volume", "a:b", "true").contains("a:b"));
        assertTrue(refusal("do", "--user", "root", "true").contains("root"));
        assertTrue(refusal("do", "--env", "novalue", "true").contains("novalue"));
        assertTrue(refusal("do", "--cwd", "relative", "true").contains("relative"));
        assertTrue(refusal("do", "--debug=yes", "true").contains("--debug"));
        assertTrue(refusal("do", "--hostname").contains("needs a value"));
        assertTrue(refusal("do").contains("no program"));
        assertEquals("no command", refusal());
    }

    @Test
    void sizesMayHaveASuffix() {
        assertEquals(512, Sizes.parse("512"));
        assertEquals(3L << 30, Sizes.parse("3g"));
    }

    @Test
    void helpNamesEveryOption() {
        String help = Usage.text("do");
        CommandLineParser.DO.options().forEach(option -> assertTrue(help.contains(option.name()), option.name()));
        assertTrue(Usage.text(null).contains("shell"));
    }
}
