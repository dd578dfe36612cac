package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The program sees its sandbox, not the host, and changes nothing outside. */
final class IsolationIT extends OnEachPlatform {
    @Test
    void programsThatShowTheSystemShowTheSandbox() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do --hostname box -- sh -c '"
                + "echo pid $$; uname -a; echo ---; ps aux; echo ---; id; echo ---; mount; echo ---; df; echo ---; free; echo ---;"
                + " tty; echo ---; env; echo ---; ls /proc; echo ---; cat /proc/1/comm; hostname; nproc'");
        String[] parts = outcome.output().split("---\n");
        assertEquals(10, parts.length, outcome::toString);
        assertTrue(parts[0].startsWith("pid 1\nLinux box ") && parts[0].contains("x86_64"), parts[0]);
        List<String> processes = parts[1].lines().toList();
        assertEquals(3, processes.size(), "the header, the shell and ps: " + parts[1]);
        assertTrue(processes.get(1).matches("root +1 .*"), parts[1]);
        assertTrue(parts[2].startsWith("uid="), parts[2]);
        assertTrue(parts[3].contains(" on / type overlay") && parts[3].contains(" on /proc type proc"), parts[3]);
        assertTrue(parts[4].contains(" /\n") || parts[4].contains(" / "), parts[4]);
        assertTrue(parts[5].contains("Mem:"), parts[5]);
        assertEquals("not a tty\n", parts[6]);
        assertTrue(parts[7].contains("CAISSON=") && parts[7].contains("HOME=/tmp\n"), "the caller's environment: " + parts[7]);
        long others = parts[8].lines().filter(line -> line.matches("[0-9]+")).count();
        assertTrue(others <= 3, parts[8]);
        assertEquals("", outcome.errors());
    }

    @Test
    void hostFilesStayAsTheyAre() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("echo old > a; echo old > b; mkdir d; echo x > d/f; ln -s a s; chmod 640 a; touch -d 2001-01-01 a b;"
                + " $CAISSON do -- sh -c 'echo new > a; rm b; rm -r d; mkdir e; echo y > e/g; chmod 777 a; mv s t; ln a hard;"
                + " touch c; cat a; ls; echo junk > /etc/caisson-isolation; rm -rf /usr/share/doc; ls /etc/caisson-isolation;"
                + " ls -d /usr/share/doc 2>&1'; ls; cat a b d/f; readlink s; stat -c %a-%Y a;"
                + " ls /etc/caisson-isolation 2>&1; ls -d /usr/share/doc");
        assertEquals("""
                new
                a
                c
                e
                hard
                t
                /etc/caisson-isolation
                ls: cannot access '/usr/share/doc': No such file or directory
                a
                b
                d
                s
                old
                old
                x
                a
                640-978307200
                ls: cannot access '/etc/caisson-isolation': No such file or directory
                /usr/share/doc
                """, outcome.output());
    }

    @Test
    void noGuestProcessExistsOnTheHost() throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("caisson-isolation");
        // The name is put together inside, so that the command line of Caisson itself does not contain it.
        Process process = Runner.start(directory, "exec $CAISSON do -- sh -c 'n=guest; cp /bin/sleep /tmp/$n-sleeper; "
                + "/tmp/$n-sleeper 1000 & cat /proc/$!/comm; echo $!; wait' 2>&1");
        try {
            BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream()));
            String name = output.readLine();
            assertTrue(name.equals("guest-sleeper") || name.equals("sh"), name);
            String pid = output.readLine();
            assertTrue(Integer.parseInt(pid) < 20, "pids of a sandbox start at 1: " + pid);
            for (String seen : hostCommands()) {
                assertFalse(seen.contains("guest-sleeper"), seen);
            }
        } finally {
            Runner.end(process);
            Runner.deleteTree(directory);
        }
    }

    private static List<String> hostCommands() throws IOException {
        List<String> commands = new ArrayList<>();
        try (Stream<Path> entries = Files.list(Path.of("/proc"))) {
            for (Path entry : entries.filter(path -> path.getFileName().toString().matches("[0-9]+")).toList()) {
                try {
                    commands.add(Files.readString(entry.resolve("comm")) + Files.readString(entry.resolve("cmdline")));
                } catch (IOException e) {
                    // It has exited meanwhile.
                }
            }
        }
        return commands;
    }

    @Test
    void aSandboxHasNoDescriptorButItsOwn() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("exec 7</etc/passwd; $CAISSON do -- sh -c 'ls /proc/self/fd; cat <&7' 2>/dev/null");
        assertEquals("0\n1\n2\n3\n", outcome.output());
    }

    @Test
    void privilegedCallsAreRefusedOrStayInside() throws IOException, InterruptedException {
        Outcome outcome = Runner.shell("$CAISSON do -- sh -c 'hostname other && hostname; mount -t tmpfs none /mnt && touch /mnt/x && ls /mnt;"
                + " kill -9 -1; echo survived' ; hostname; ls /mnt");
        List<String> lines = outcome.output().lines().toList();
        assertEquals(List.of("other", "x", "survived"), lines.subList(0, 3), outcome::toString);
        assertFalse(lines.subList(3, lines.size()).contains("other"), outcome::toString);
        assertFalse(lines.subList(3, lines.size()).contains("x"), outcome::toString);
    }
}
