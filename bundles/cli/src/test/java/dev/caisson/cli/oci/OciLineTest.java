package dev.caisson.cli.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.oci.runtime.ContainerException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class OciLineTest {
    private static OciLine parse(String... args) throws ContainerException {
        return OciLine.parse(List.of(args));
    }

    private static String refusal(String... args) {
        return assertThrows(ContainerException.class, () -> parse(args)).getMessage();
    }

    @Test
    void optionsStandBeforeAndBehindTheCommandWithAndWithoutEqualsSigns() throws ContainerException {
        OciLine line = parse("--root", "/r", "--log=/l", "--log-format", "json", "--systemd-cgroup", "create", "--bundle", "/b", "-pid-file=/p", "c1");
        assertEquals("create", line.command());
        assertEquals("c1", line.id());
        assertEquals(Path.of("/r"), line.path("--root"));
        assertEquals(Path.of("/b"), line.path("--bundle"));
        assertEquals(Path.of("/p"), line.path("--pid-file"));
        assertTrue(line.log().isJson());
        assertTrue(line.has("--systemd-cgroup"));
        assertFalse(line.has("--no-pivot"));
    }

    @Test
    void whatFollowsTheContainerOfExecIsTheProgrammes() throws ContainerException {
        OciLine line = parse("exec", "-t", "-e", "A=b", "--env", "C=d", "c", "ls", "-l", "--", "--detach");
        assertEquals(List.of("c", "ls", "-l", "--", "--detach"), line.words());
        assertEquals(List.of("A=b", "C=d"), line.all("--env"));
        assertTrue(line.has("--tty"));
        assertFalse(line.has("--detach"));
        assertEquals(List.of("c", "ls"), parse("exec", "c", "--", "ls").words());
    }

    @Test
    void switchesTakeTruthsAsInGo() throws ContainerException {
        assertFalse(parse("kill", "--all=false", "c").has("--all"));
        assertTrue(parse("kill", "-a=1", "c", "9").has("--all"));
        assertTrue(refusal("kill", "--all=maybe", "c").contains("maybe"));
    }

    @Test
    void commandsOfOthersAreNotRead() throws ContainerException {
        assertNull(parse("do", "--", "true"));
        assertNull(parse("--root", "/r", "swap", "x", "platform", "kvm"));
        assertNull(parse("--version"));
        assertNull(parse());
    }

    @Test
    void whatIsWrongIsNamed() {
        assertEquals("create has no option --cgroup-manager; see caisson help create", refusal("create", "--cgroup-manager=x", "c"));
        assertEquals("--bundle needs a value: --bundle DIR", refusal("create", "--bundle"));
        assertTrue(refusal("state").startsWith("state needs more arguments: caisson state"));
        assertTrue(refusal("state", "a", "b").startsWith("state takes fewer arguments"));
        assertEquals("invalid log-format \"xml\"; there are: text, json", refusal("--log-format", "xml", "list"));
        assertEquals("--rootless is true, false or auto, not perhaps", refusal("--rootless=perhaps", "list"));
    }

    @Test
    void everyCommandHasHelp() {
        for (String command : OciSyntax.COMMANDS) {
            assertTrue(OciSyntax.usage(command).contains(command));
        }
    }

    @Test
    void theCompanionIsAnElfFile() {
        byte[] code = Companion.code(false);
        assertEquals(0x7f, code[0]);
        assertEquals('E', code[1]);
        assertTrue(code.length > Companion.code(true).length && code.length < 4096);
    }
}
