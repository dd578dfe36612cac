package dev.caisson.gofer;

import static dev.caisson.gofer.NinepClient.ROOT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.WireReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real process: how it is shut in, and that strangers' clients can talk to it. */
class GoferProcessIT {
    private static final long KEPT_CAPABILITIES = 0x880400dfL;

    @TempDir Path directory;
    private Path tree;

    @BeforeEach void makeTree() throws IOException {
        tree = Files.createDirectories(directory.resolve("tree/sub")).getParent();
        Files.writeString(tree.resolve("sub/file"), "content");
        Files.writeString(directory.resolve("outside"), "secret");
        Files.createSymbolicLink(tree.resolve("link"), directory.resolve("outside"));
    }

    private Process start(String... arguments) throws IOException {
        return start(List.of(), arguments);
    }

    private Process start(List<String> before, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(before);
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(),
            "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp", before.isEmpty() ? JavaCommand.classPath() : readableClasses(),
            GoferLauncher.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    /** A copy of the classes: another user may not be allowed to go where the build has them. */
    private String readableClasses() throws IOException {
        List<String> copies = new ArrayList<>();
        for (String entry : JavaCommand.classPath().split(File.pathSeparator)) {
            Path from = Path.of(entry);
            if (!Files.exists(from)) {
                continue;
            }
            Path to = directory.resolve("classes" + copies.size() + (Files.isDirectory(from) ? "" : ".jar"));
            copies.add(to.toString());
            try (Stream<Path> files = Files.walk(from)) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    Files.copy(file, to.resolve(from.relativize(file).toString()));
                }
            }
        }
        return String.join(File.pathSeparator, copies);
    }

    private static NinepClient connect(Path socket, Process process) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            long fd = HostSocket.connectUnix(socket.toString());
            if (fd >= 0) {
                NinepClient client = new NinepClient((int) fd);
                client.version(65536, "9P2000.L.caisson");
                return client;
            }
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new IllegalStateException(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            }
            Thread.sleep(20);
        }
    }

    private static String status(long process, String thread, String field) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + process + "/task/" + thread + "/status")).stream()
            .filter(line -> line.startsWith(field + ":")).findFirst().orElseThrow().split("\\s+")[1];
    }

    /** Everything that holds of a gofer while it serves. */
    private static void assertShutIn(long process) throws IOException {
        boolean isRoots = (int) Files.getAttribute(Path.of("/proc/" + process), "unix:uid") == 0;
        for (String thread : Path.of("/proc/" + process + "/task").toFile().list()) {
            assertShutIn(process, thread, isRoots);
        }
        if (isRoots) {
            assertEquals(0, Path.of("/proc/" + process + "/root").toFile().list().length);
        }
    }

    private static void assertShutIn(long process, String thread, boolean isRoots) throws IOException {
        try {
            assertEquals("2", status(process, thread, "Seccomp"));
            assertEquals("1", status(process, thread, "NoNewPrivs"));
            long permitted = Long.parseUnsignedLong(status(process, thread, "CapPrm"), 16);
            assertEquals(0, permitted & ~KEPT_CAPABILITIES, Long.toHexString(permitted));
            if (isRoots) {
                assertEquals(0, Long.parseUnsignedLong(status(process, thread, "CapBnd"), 16) & ~KEPT_CAPABILITIES);
                for (String kind : List.of("mnt", "ipc", "uts", "net")) {
                    assertNotEquals(Files.readSymbolicLink(Path.of("/proc/self/ns", kind)),
                        Files.readSymbolicLink(Path.of("/proc/" + process + "/task/" + thread + "/ns", kind)));
                }
            }
        } catch (NoSuchFileException e) {
            assertFalse(Files.exists(Path.of("/proc/" + process + "/task/" + thread)), "only a thread that has ended has nothing to tell");
        }
    }

    @Test void servesOverAUnixSocketAndIsShutIn() throws Exception {
        Path socket = directory.resolve("socket");
        Process process = start("--listen", "unix:" + socket, "t=" + tree, "r\u00e9 ad=" + tree + ":ro");
        try (NinepClient client = connect(socket, process)) {
            client.attach("t");
            assertEquals(2, client.walk(ROOT, 1, "sub", "file"));
            assertEquals(0, client.open(1, Fcntl.O_RDWR));
            assertEquals("content", client.read(1, 0, 100));
            client.write(1, 0, "C");
            assertEquals("Content", Files.readString(tree.resolve("sub/file")));
            assertEquals(0, client.errno(MessageType.TXATTRWALK, w -> w.u32(1).u32(7).string("")));
            // The root is that of a mount: not even the host's own ".." leads out.
            FileAttributes root = client.attributes(ROOT);
            client.walk(ROOT, 2, "..", "sub", "..", "..");
            assertEquals(root.qid().path(), client.attributes(2).qid().path());
            WireReader reply = client.ask(MessageType.TOPENAT,
                w -> w.u32(ROOT).u32(3).string("new").u32(Fcntl.O_RDWR | Fcntl.O_CREAT | Fcntl.O_EXCL).u32(0640).u32(-1).u32(-1));
            assertEquals(1, reply.u8());
            assertEquals("", NinepClient.readDescriptor(client.descriptors.getFirst()));
            // Names of files are found by what the host says of their descriptors, from an empty root too.
            client.walk(ROOT, 4, "new");
            client.walk(ROOT, 5, "sub");
            assertEquals(0, client.errno(MessageType.TRENAME, w -> w.u32(4).u32(5).string("renamed")));
            assertTrue(Files.exists(tree.resolve("sub/renamed")));
            assertEquals(0, client.errno(MessageType.TREMOVE, w -> w.u32(4)));
            assertFalse(Files.exists(tree.resolve("sub/renamed")));
            NinepClient reader = connect(socket, process).attach("r\u00e9 ad");
            assertEquals(30, reader.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string("link").u32(0))); // EROFS
            reader.close();
            assertShutIn(process.pid());
        } finally {
            process.destroy();
            assertTrue(process.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS));
        }
        assertEquals("secret", Files.readString(directory.resolve("outside")));
    }

    @Test void anOrdinaryUsersGoferDoesWhatItMayAndSaysWhatItCannot() throws Exception {
        Path setpriv = Path.of("/usr/bin/setpriv");
        assumeTrue(HostCredentials.effectiveUser() == 0 && Files.isExecutable(setpriv), "only root can become somebody else");
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path own = Files.createDirectory(directory.resolve("own"));
        Files.setAttribute(own, "unix:uid", 4242);
        Files.setAttribute(directory, "unix:uid", 4242);
        Path socket = directory.resolve("socket");
        Process process = start(List.of(setpriv.toString(), "--reuid=4242", "--regid=4242", "--clear-groups"), "--listen", "unix:" + socket,
            "own=" + own, "t=" + tree + ":ro");
        try (var output = process.inputReader()) {
            String line = output.readLine();
            assertTrue(line != null && line.contains("goes without namespaces"), line);
            try (NinepClient client = connect(socket, process)) {
                client.attach("t");
                client.walk(ROOT, 1, "sub", "file");
                assertEquals(0, client.open(1, Fcntl.O_RDONLY));
                assertEquals("content", client.read(1, 0, 100));
                client.ask(MessageType.TATTACH, w -> w.u32(2).u32(-1).string("").string("own").u32(0));
                assertEquals(0, client.errno(MessageType.TMKDIR, w -> w.u32(2).string("d").u32(0755).u32(0)));
                assertEquals(4242, Files.getAttribute(own.resolve("d"), "unix:uid"));
                assertShutIn(process.pid());
            }
        } finally {
            process.destroy();
            process.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS);
        }
    }

    @Test void aSandboxStartsOneForItself() throws Exception {
        GoferProcess child = GoferLauncher.spawn(List.of(new GoferPlan.Tree("", tree.toString(), false)), null);
        try (NinepClient client = new NinepClient(child.socket())) {
            client.version(65536, "9P2000.L.caisson");
            client.attach("");
            assertEquals(2, client.walk(ROOT, 1, "sub", "file"));
            assertEquals(0, client.open(1, Fcntl.O_RDONLY));
            assertEquals("content", client.read(1, 0, 100));
            assertShutIn(child.process());
            if (HostCredentials.effectiveUser() == 0) {
                assertNotEquals(Files.readSymbolicLink(Path.of("/proc/self/ns/pid")),
                    Files.readSymbolicLink(Path.of("/proc/" + child.process() + "/ns/pid")));
                assertEquals(Files.readSymbolicLink(Path.of("/proc/self/ns/mnt")),
                    Files.readSymbolicLink(Path.of("/proc/thread-self/ns/mnt")));
            }
        }
        child.await(); // ends by itself when nobody is left
        assertFalse(Files.exists(Path.of("/proc/" + child.process())));
    }

    @Test void terminatedItLeavesItsSocketToTheNextOne() throws Exception {
        Path socket = directory.resolve("socket");
        Process first = start("--listen", "unix:" + socket, "t=" + tree);
        try (NinepClient client = connect(socket, first).attach("t")) {
            first.destroy(); // SIGTERM
            assertTrue(first.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS));
            assertNull(client.receive());
        }
        assertEquals(-Errno.ECONNREFUSED.number(), HostSocket.connectUnix(socket.toString()));
        Process second = start("--listen", "unix:" + socket, "t=" + tree);
        try (NinepClient client = connect(socket, second).attach("t")) {
            assertEquals(2, client.walk(ROOT, 1, "sub", "file"));
        } finally {
            second.destroy();
            assertTrue(second.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS));
        }
    }

    @Test void diodsToolsReadAndWriteThroughIt() throws Exception {
        Path list = Path.of("/usr/sbin/diodls");
        assumeTrue(Files.isExecutable(list), "diod is not installed");
        byte[] large = new byte[300_000];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31 >> 3);
        }
        Files.write(tree.resolve("large"), large);
        Path control = Files.createDirectory(tree.resolve("control"));
        Files.write(control.resolve("zero"), new byte[1 << 20]);
        Files.createFile(control.resolve("null"));
        Path socket = directory.resolve("socket");
        Process process = start("--listen", "unix:" + socket, "t=" + tree, "ctl=" + control);
        try {
            connect(socket, process).close();
            String names = new String(run(list.toString(), "-s", socket.toString(), "-a", "t", "-l", "/"), StandardCharsets.UTF_8);
            assertTrue(names.contains(" large") && names.contains(" sub") && names.contains(" link"), names);
            byte[] copy = run("/usr/sbin/diodcat", "-s", socket.toString(), "-a", "t", "large");
            assertTrue(java.util.Arrays.equals(large, copy), copy.length + " bytes");
            // Reads "zero" and writes "null" of a tree called "ctl", from four connections.
            String load = new String(run("/usr/sbin/diodload", "-s", socket.toString(), "-n", "4", "-r", "1"), StandardCharsets.UTF_8);
            assertTrue(load.matches("(?s)diodload: [1-9].*"), load);
            assertTrue(Files.size(control.resolve("null")) > 0, "it wrote");
        } finally {
            process.destroy();
            process.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS);
        }
    }

    private static byte[] run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        byte[] output = process.getInputStream().readAllBytes();
        assertEquals(0, process.waitFor(), new String(output, 0, Math.min(output.length, 1000), StandardCharsets.ISO_8859_1));
        return output;
    }

    @Test void tcpNeedsAUserForEverybody() throws Exception {
        assumeTrue(HostCredentials.effectiveUser() == 0, "an ordinary user's gofer is nobody else");
        Files.setPosixFilePermissions(tree, PosixFilePermissions.fromString("rwxr-xr-x"));
        Process process = start("--listen", "tcp:127.0.0.1:0", "t=" + tree);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertNotEquals(0, process.waitFor());
        assertTrue(output.contains("--as"), output);
        process = start("--listen", "tcp:127.0.0.1:0", "--as", "4242:4243", "t=" + tree);
        try (var reader = process.inputReader()) {
            String line = reader.readLine();
            int port = Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1));
            long fd = HostSocket.connectTcp(new byte[] {127, 0, 0, 1}, port, 0);
            try (NinepClient client = new NinepClient((int) fd)) {
                client.version(65536, "9P2000.L.caisson");
                client.attach("t");
                assertEquals(13, client.errno(MessageType.TMKDIR, w -> w.u32(ROOT).string("d").u32(0700).u32(-1))); // EACCES
                WireReader reply = client.ask(MessageType.TOPENAT,
                    w -> w.u32(ROOT).u32(3).string("sub").u32(Fcntl.O_RDONLY).u32(0).u32(-1).u32(-1));
                assertEquals(0, reply.u8());
            }
        } finally {
            process.destroy();
            process.waitFor(GoferFixture.PATIENCE_S, TimeUnit.SECONDS);
        }
    }
}
