package dev.caisson.gofer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostProcess;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The filter at work, in a process of its own, which it is not to be taken from any more. */
public class CallFilterIT {
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_SET_DUMPABLE = 4;
    private static final int SIGSYS = 31;
    private static final int CLONE_NEWUSER = 0x1000_0000;

    /** What the process does: one call, on a thread that was there before the filter. */
    public static final class Filtered {
        private Filtered() {}

        public static void main(String[] arguments) throws Exception {
            Thread thread = new Thread(() -> {
                long result = switch (arguments[0]) {
                    case "socket" -> HostCalls.call(SyscallNumber.SOCKET, 1, 1, 0);
                    case "execve" -> HostCalls.call(SyscallNumber.EXECVE, 0, 0, 0);
                    case "chroot" -> HostCalls.call(SyscallNumber.CHROOT, 0);
                    case "fork" -> HostCalls.call(SyscallNumber.CLONE, CLONE_NEWUSER, 0, 0, 0, 0);
                    case "unlisted" -> HostCalls.call(SyscallNumber.GETPPID);
                    case "prctl" -> HostProcess.control(PR_SET_DUMPABLE, 1, 0, 0, 0);
                    default -> HostFile.flags(0);
                };
                System.out.println(result);
                System.out.flush();
            });
            HostProcess.control(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            CallFilter.main(new String[0]); // loads what it takes to print
            HostFile.flags(0);
            System.out.println("filtered " + CallFilter.install());
            thread.start();
            thread.join();
            Runtime.getRuntime().halt(0);
        }
    }

    private static String run(String call, int status) throws Exception {
        String classes = Path.of(CallFilterIT.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(), "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED", "-cp", classes + File.pathSeparator + JavaCommand.classPath(), Filtered.class.getName(),
            call).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(status, process.waitFor(), call + ": " + output);
        assertTrue(output.contains("filtered 0"), output);
        return output.substring(output.indexOf("filtered 0") + 10).strip();
    }

    @Test void listedCallsAreMadeAndOthersAreNotThere() throws Exception {
        assertTrue(Integer.parseInt(run("flags", 0)) >= 0);
        assertEquals("-38", run("unlisted", 0));
        assertEquals("-38", run("prctl", 0));
    }

    @Test void callsOfSomebodyWhoTookTheProcessOverEndIt() throws Exception {
        for (String call : List.of("socket", "execve", "chroot", "fork")) {
            assertEquals("", run(call, 128 + SIGSYS));
        }
    }
}
