package dev.caisson.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.Sizes;
import dev.caisson.control.Volume;
import dev.caisson.gofer.GoferPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    void theNameOfACommandMayBeAValueAndAProgram() {
        SandboxSpec spec = spec("--root", "run", "do", "--hostname", "swap", "exec", "-l");
        assertEquals("swap", spec.hostname());
        assertEquals(List.of("exec", "-l"), spec.command());
    }

    @Test
    void providersAreChosenByKind() {
        assertEquals(Map.of(ProviderKind.PLATFORM, "p", ProviderKind.SYSCALLS, "s"),
                spec("do", "--platform", "p", "--syscalls=s", "true").providers());
    }

    @Test
    void aServerOfTheRootIsNamed() {
        SandboxSpec named = spec("do", "--9p-server", "unix:/run/s,aname=/srv", "ls");
        assertEquals("unix:/run/s,aname=/srv", named.rootSource());
        assertEquals(Map.of(ProviderKind.ROOTFS, "9p"), named.providers());
        assertEquals("overlay+9p", spec("do", "--rootfs", "overlay+9p", "--9p-server", "/srv", "ls").providers().get(ProviderKind.ROOTFS));
        assertTrue(refusal("do", "--rootfs", "overlay", "--9p-server", "/srv", "ls").contains("--9p-server is for --rootfs 9p"));
        assertNull(spec("do", "ls").rootSource());
    }

    @Test
    void layersOfTheRootAreOptionsOfTheMount(@TempDir Path directory) throws IOException {
        String upper = directory.toString();
        String archive = Files.createFile(directory.resolve("a:b,c.tar")).toString();
        SandboxSpec spec = spec("do", "--lower", archive, "--lower=/etc", "--lower", "9p:tcp:host:1", "--rootfs-upper", upper, "--rootfs-size", "2M", "ls");
        assertEquals(Map.of("upperdir", upper, "size", "2097152",
                "lowerdir", "tar\\:" + directory + "/a\\:b,c.tar:/etc:9p\\:tcp\\:host\\:1"), spec.rootOptions());
        assertEquals(Map.of(), spec.providers());
        assertEquals(Map.of(), spec("do", "--rootfs-upper", "memory", "ls").rootOptions());
        assertEquals("/srv", spec("do", "--root", "/srv", "ls").rootSource());
    }

    @Test
    void layersThatCannotBeAreRefusedInOneLine() {
        assertEquals("there is no lower layer /no/such", refusal("do", "--lower", "/no/such", "ls"));
        assertTrue(refusal("do", "--lower", "/dev/null", "ls").contains("a directory or a tar archive"));
        assertEquals("an upper layer is memory or a directory, not /etc/passwd", refusal("do", "--rootfs-upper", "/etc/passwd", "ls"));
        assertTrue(refusal("do", "--rootfs-size", "much", "ls").contains("a size is a number of bytes"));
        assertTrue(refusal("do", "--rootfs", "hostdir", "--rootfs-size", "1M", "ls").contains("not hostdir"));
        assertTrue(refusal("do", "--rootfs-source", "/", "--lower", "/etc", "ls").contains("--lower"));
    }

    @Test
    void aSwappedRootTakesTheSameOptions() {
        assertEquals(new Command.Swap(null, "box", "rootfs", "9p", "unix:/run/s", Map.of()),
                parse("swap", "box", "rootfs", "9p", "--9p-server", "unix:/run/s"));
        assertEquals(new Command.Swap(null, "box", "rootfs", "overlay", "/srv", Map.of("upperdir", "/etc")),
                parse("swap", "box", "rootfs", "overlay", "--root", "/srv", "--rootfs-upper=/etc"));
        assertEquals("volume:/data", assertInstanceOf(Command.Swap.class, parse("swap", "box", "volume:/data", "9p")).kind());
        assertTrue(refusal("swap", "box", "platform", "kvm", "--root", "/srv").contains("swap SANDBOX rootfs"));
    }

    @Test
    void aDiffGoesToAFileOrToStandardOutput() {
        assertEquals(new Command.Diff(null, "box", Path.of("x.tar")), parse("diff", "box", "-o", "x.tar"));
        assertEquals(new Command.Diff(null, "box", null), parse("diff", "box"));
        assertEquals(Command.Diff.LINE, refusal("diff").substring(refusal("diff").indexOf("caisson")));
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
        assertEquals(List.of(new Volume("/a", "/b", false, "9p", "exclusive")), spec("do", "--volume", "/a:/b:9p:cache=exclusive", "true").volumes());
        assertTrue(refusal("do", "--volume", "/a:/b:9p:hostdir", "true").contains("cache=shared|exclusive"));
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
        assertTrue(refusal("do", "--platfrom", "x", "true").contains("did you mean --platform?"));
        assertTrue(refusal("do", "--strace", "--nosuch", "true").contains("--nosuch"));
        assertTrue(refusal("--nosuch", "do", "true").contains("--root"));
    }

    @Test
    void anUnknownCommandIsRefusedWithTheOnesThatAre() {
        assertTrue(refusal("fly").contains("do, create, start, run, exec, state, kill, delete, list, ps, pause, resume, events, update, wait, spec, features, swap, diff, shell, gofer, pool, install, uninstall, doctor, completion, help"));
        assertTrue(refusal("swp").contains("did you mean swap?"));
        assertTrue(refusal("help", "fly").contains("do, create"));
    }

    @Test
    void aGoferNeedsATreeAndASocket() {
        Command.Gofer gofer = assertInstanceOf(Command.Gofer.class,
                parse("gofer", "--listen", "unix:/run/s", "--listen=tcp:localhost:564", "--as", "7:8", "src=/srv:ro", "/home/me"));
        assertEquals(new GoferPlan(List.of(new GoferPlan.Tree("src", "/srv", true), new GoferPlan.Tree("/home/me", "/home/me", false)),
                List.of(new GoferPlan.UnixSocket("/run/s"), new GoferPlan.TcpSocket("localhost", 564)), "7:8"), gofer.plan());
        assertEquals(gofer, parse("gofer", "src=/srv:ro", "--listen", "unix:/run/s", "/home/me", "--listen=tcp:localhost:564", "--as=7:8"));
        assertTrue(refusal("gofer", "/srv").contains("--listen"));
        assertTrue(refusal("gofer", "--listen", "unix:/run/s").contains("DIR"));
        assertTrue(refusal("gofer", "--listen", "fd:3", "/srv", "/srv:ro").contains("NAME=DIR"));
        assertTrue(refusal("gofer", "--listen", "udp:x", "/srv").contains("unix:PATH"));
        assertTrue(refusal("gofer", "--listen", "tcp:x:70000", "/srv").contains("65535"));
        assertTrue(refusal("gofer", "--listen", "fd:3", "--as", "root", "/srv").contains("UID"));
    }

    @Test
    void aMessageIsOneLine() {
        for (String[] words : new String[][] {{"fly"}, {"do", "--nosuch"}, {"do", "--memory", "x"}, {"do", "--env"}, {"swap", "a", "b", "c"}}) {
            assertEquals(1, refusal(words).lines().count());
        }
    }

    @Test
    void wrongValuesAreRefused() {
        assertTrue(refusal("do", "--memory", "much", "true").contains("much"));
        assertTrue(refusal("do", "--volume", "a:b", "true").contains("a:b"));
        assertTrue(refusal("do", "--user", "root", "true").contains("root"));
        assertTrue(refusal("do", "--env", "novalue", "true").contains("novalue"));
        assertTrue(refusal("do", "--cwd", "relative", "true").contains("relative"));
        assertEquals("--debug takes no value", refusal("do", "--debug=yes", "true"));
        assertEquals("--hostname needs a value: --hostname NAME", refusal("do", "--hostname"));
        assertTrue(refusal("do").contains("no program"));
        assertTrue(refusal().startsWith("no command; there are: do,"));
    }

    @Test
    void wordsAreTakenAsTheyAre() {
        assertEquals(List.of("@file", "a b", "", "'q'", "${x}"), spec("do", "@file", "a b", "", "'q'", "${x}").command());
        assertTrue(spec("do", "--env", "A=@x \"y\" ${z}", "true").environment().contains("A=@x \"y\" ${z}"));
    }

    @Test
    void aSandboxHasANameAndAPlaceForItsSocket() {
        SandboxSpec spec = spec("--root", "/here", "do", "--id", "box", "true");
        assertEquals("box", spec.id());
        assertEquals(Path.of("/here"), spec.controlDirectory());
        assertTrue(spec.isControllable());
        assertNull(spec("do", "true").id());
        assertNull(spec("do", "true").controlDirectory());
    }

    @Test
    void runningSandboxesAreChanged() {
        assertEquals(new Command.Swap(null, "box", "platform", "kvm", null, Map.of()), parse("swap", "box", "platform", "kvm"));
        assertEquals(Command.Swap.LINE, refusal("swap", "box"));
        assertTrue(refusal("swap", "box", "engine", "v8").contains("platform, rootfs, network, syscalls"));
        assertTrue(refusal("swap", "box", "platform", "kvm", "now").contains("unexpected now"));
    }

    @Test
    void helpAndVersionAreAskedForInEveryUsualWay() {
        assertEquals(new Command.Help(null), parse("--help"));
        assertEquals(new Command.Help(null), parse("-h"));
        assertEquals(new Command.Help(null), parse("help"));
        assertEquals(new Command.Help("do"), parse("help", "do"));
        assertEquals(new Command.Help("do"), parse("do", "--help"));
        assertEquals(new Command.Help("swap"), parse("swap", "-h"));
        assertInstanceOf(Command.Version.class, parse("--version"));
        assertInstanceOf(Command.Version.class, parse("-V"));
    }

    @Test
    void sizesMayHaveASuffix() {
        assertEquals(512, Sizes.parse("512"));
        assertEquals(3L << 30, Sizes.parse("3g"));
    }

    @Test
    void helpNamesEveryCommandAndOption() {
        String all = CommandLineParser.usage(null);
        for (String command : Syntax.COMMANDS) {
            assertTrue(all.contains(command), command);
            assertTrue(CommandLineParser.usage(command).startsWith("Usage: caisson " + command), command);
        }
        String help = CommandLineParser.usage("do");
        for (String option : List.of("--id", "--platform", "--rootfs", "--network", "--syscalls", "--cwd", "--env", "--user", "--hostname",
                "--memory", "--volume", "--rootfs-upper", "--rootfs-size", "--rootfs-source", "--lower", "--strace", "--log", "--debug", "--help", "CMD")) {
            assertTrue(help.contains(option), option);
        }
    }
}
