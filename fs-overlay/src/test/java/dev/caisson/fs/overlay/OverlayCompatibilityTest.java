package dev.caisson.fs.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.fs.host.CacheMode;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.host.HostFileSystem;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.host.HostPath;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The machine's own overlayfs understands an upper directory that we have written, and we one that it has written, after the same kind of
 * random history. The kernel's mounts are made in a mount namespace of their own and looked at through /proc.
 */
class OverlayCompatibilityTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private static final int STEPS = 250;

    @TempDir
    static Path directory;

    /** A program of the host that holds a mount of the kernel's overlayfs. */
    private static final class KernelMount implements AutoCloseable {
        private final Process holder;
        private final Path point;

        KernelMount(Layers layers) throws IOException {
            this(layers, "metacopy=off");
        }

        KernelMount(Layers layers, String more) throws IOException {
            this.point = Files.createDirectories(layers.own.resolve("mounted"));
            String options = "lowerdir=" + layers.lowerText() + ",upperdir=" + layers.upper() + ",workdir=" + layers.work()
                    + ",redirect_dir=on,index=on,xino=on," + more;
            holder = new ProcessBuilder("unshare", "-m", "--propagation", "private", "sh", "-c",
                    "mount -t overlay overlay -o '" + options + "' '" + point + "' 2>&1 && echo ready; read line; umount '" + point + "'")
                    .redirectErrorStream(true).start();
            BufferedReader output = new BufferedReader(new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8));
            String line = output.readLine();
            if (!"ready".equals(line)) {
                close();
                throw new IOException("mount: " + line);
            }
        }

        String path() {
            return "/proc/" + holder.pid() + "/root" + point;
        }

        @Override
        public void close() throws IOException {
            holder.getOutputStream().close();
            try {
                if (!holder.waitFor(20, TimeUnit.SECONDS)) {
                    holder.destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Directories of one overlay. */
    private record Layers(Path own, List<Path> lowers) {
        Path upper() {
            return own.resolve("upper");
        }

        Path work() {
            return own.resolve("work");
        }

        String lowerText() {
            return String.join(":", lowers.stream().map(Path::toString).toList());
        }
    }

    /** A tree in use. */
    private record Mounted(MountNamespace namespace, FsContext context, Guest guest) implements AutoCloseable {
        static Mounted of(FileSystem fileSystem) {
            MountNamespace namespace = new MountNamespace(fileSystem, "test", 0);
            Location top = namespace.rootLocation();
            FsContext context = new FsContext(namespace, top, top, 0022);
            return new Mounted(namespace, context, new Guest(new Vfs(), context, Credentials.ROOT));
        }

        @Override
        public void close() {
            context.release();
            namespace.close();
        }
    }

    @BeforeAll
    static void overlaysCanBeMounted() throws IOException, ErrnoException {
        assumeTrue("root".equals(System.getProperty("user.name")), "mounting takes the superuser");
        Layers layers = layers(1, 1);
        String refusal = null;
        try (KernelMount mount = new KernelMount(layers)) {
            assertTrue(mount.holder.isAlive());
        } catch (IOException e) {
            refusal = e.getMessage();
        }
        assumeTrue(refusal == null, "the host mounts no overlays: " + refusal);
    }

    private static Layers layers(long seed, int count) throws IOException, ErrnoException {
        Path own = Files.createTempDirectory(directory, "layers");
        Files.createDirectory(own.resolve("upper"));
        Files.createDirectory(own.resolve("work"));
        List<Path> lowers = new java.util.ArrayList<>();
        for (int i = 0; i < count; i++) {
            lowers.add(Files.createDirectory(own.resolve("lower" + i)));
            populate(lowers.getLast(), seed + i);
        }
        if (count > 1) {
            hide(lowers.getFirst());
        }
        return new Layers(own, lowers);
    }

    private static void populate(Path root, long seed) throws IOException {
        for (String name : List.of("a", "b", "c", "a/a", "a/b", "b/a", "a/a/c", "a/a/c/d")) {
            Files.createDirectory(root.resolve(name));
        }
        int number = 0;
        for (String name : List.of("e", "f", "a/e", "a/f", "b/e", "b/g", "c/h", "a/a/e", "a/a/f", "a/a/c/d/e", "a/b/e")) {
            Path file = Files.writeString(root.resolve(name), "lower " + seed + " " + name);
            Files.setLastModifiedTime(file, FileTime.from(1_000_000_000L + number++, TimeUnit.SECONDS));
        }
        Files.createLink(root.resolve("g"), root.resolve("a/e"));
        Files.createLink(root.resolve("a/a/g"), root.resolve("a/e"));
        Files.createLink(root.resolve("b/h"), root.resolve("b/e"));
        Files.createSymbolicLink(root.resolve("h"), Path.of("somewhere"));
        Files.createSymbolicLink(root.resolve("a/h"), Path.of("else"));
        Files.setAttribute(root.resolve("e"), "user:note", new byte[] {1, 2});
        Files.setAttribute(root.resolve("a"), "user:note", new byte[] {3});
    }

    /** Marks of a middle layer, which hide parts of the one below. */
    private static void hide(Path root) throws IOException {
        assertEquals(0, HostPath.makeNode(dev.caisson.abi.Fcntl.AT_FDCWD, root + "/hidden", Stat.S_IFCHR, 0));
        Files.writeString(root.resolveSibling("lower1").resolve("hidden"), "below a whiteout");
        Files.writeString(root.resolveSibling("lower1").resolve("b/only"), "in an opaque directory");
        Files.writeString(root.resolveSibling("lower1").resolve("a/only"), "in a merged directory");
        try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
            java.lang.foreign.MemorySegment yes = arena.allocateFrom("y");
            assertEquals(0, HostPath.setAttribute(root + "/b", "trusted.overlay.opaque", true, yes.address(), 1, 0));
        }
    }

    private static Mounted ours(Layers layers) throws ErrnoException {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("lowerdir", layers.lowerText());
        options.put("upperdir", layers.upper().toString());
        options.put("workdir", layers.work().toString());
        options.put("volatile", "");
        return Mounted.of(new OverlayProvider(new TmpfsProvider(MEMORY), new HostDirectoryProvider(MEMORY))
                .mount(new MountRequest(null, 0, options, Credentials.ROOT)));
    }

    private static Mounted kernels(KernelMount mount, boolean isReadOnly) throws ErrnoException {
        return Mounted.of(new HostFileSystem(mount.path(), CacheMode.SHARED, isReadOnly, MEMORY));
    }

    private static void assertSame(TreeMap<String, String> expected, TreeMap<String, String> actual, String what) {
        for (Map.Entry<String, String> line : expected.entrySet()) {
            assertEquals(line.getValue(), actual.get(line.getKey()), what + ": " + line.getKey());
        }
        assertEquals(expected.keySet(), actual.keySet(), what);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void theKernelShowsWhatWeHaveWritten(long seed) throws IOException, ErrnoException {
        Layers layers = layers(seed, seed % 2 == 0 ? 2 : 1);
        TreeMap<String, String> live;
        TreeMap<String, Long> numbers;
        try (Mounted overlay = ours(layers)) {
            int refused = new RandomHistory(overlay.guest(), seed).run(STEPS);
            assertTrue(refused < STEPS * 2 / 3, "too little happened");
            live = TreeSnapshot.of(overlay.guest());
            numbers = TreeSnapshot.numbers(overlay.guest());
        }
        try (Mounted again = ours(layers)) {
            assertSame(live, TreeSnapshot.of(again.guest()), "mounted again");
            assertEquals(numbers, TreeSnapshot.numbers(again.guest()));
        }
        try (KernelMount mount = new KernelMount(layers); Mounted kernel = kernels(mount, true)) {
            assertSame(live, TreeSnapshot.of(kernel.guest()), "the kernel");
        }
        try (Mounted again = ours(layers)) {
            assertSame(live, TreeSnapshot.of(again.guest()), "after the kernel");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    void weShowWhatTheKernelHasWritten(long seed) throws IOException, ErrnoException {
        Layers layers = layers(seed, seed % 2 == 0 ? 2 : 1);
        TreeMap<String, String> live;
        try (KernelMount mount = new KernelMount(layers); Mounted kernel = kernels(mount, false)) {
            int refused = new RandomHistory(kernel.guest(), seed).run(STEPS);
            assertTrue(refused < STEPS * 2 / 3, "too little happened");
            kernel.guest().vfs();
            live = TreeSnapshot.of(kernel.guest());
        }
        try (Mounted overlay = ours(layers)) {
            assertSame(live, TreeSnapshot.of(overlay.guest()), "ours");
            new RandomHistory(overlay.guest(), seed + 100).run(STEPS / 2);
            live = TreeSnapshot.of(overlay.guest());
        }
        try (KernelMount mount = new KernelMount(layers); Mounted kernel = kernels(mount, true)) {
            assertSame(live, TreeSnapshot.of(kernel.guest()), "the kernel, after us");
        }
    }

    /** Copies without content are read, also as a layer below, and completed where they are changed or renamed. */
    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23, 24, 25, 26, 27, 28})
    void weShowWhatTheKernelHasCopiedWithoutContent(long seed) throws IOException, ErrnoException {
        Layers layers = layers(seed, seed % 2 == 0 ? 2 : 1);
        TreeMap<String, String> live;
        try (KernelMount mount = new KernelMount(layers, "metacopy=on"); Mounted kernel = kernels(mount, false)) {
            changeAttributes(kernel.guest());
            assertTrue(new RandomHistory(kernel.guest(), seed).run(STEPS) < STEPS * 2 / 3, "too little happened");
            live = TreeSnapshot.of(kernel.guest());
        }
        Path own = Files.createTempDirectory(directory, "above");
        Files.createDirectory(own.resolve("upper"));
        Files.createDirectory(own.resolve("work"));
        List<Path> stack = new java.util.ArrayList<>(List.of(layers.upper()));
        stack.addAll(layers.lowers());
        try (Mounted above = ours(new Layers(own, stack))) {
            assertSame(live, TreeSnapshot.of(above.guest()), "ours, as a layer below");
            changeAttributes(above.guest());
            TreeSnapshot.of(above.guest());
        }
        try (Mounted overlay = ours(layers)) {
            assertSame(live, TreeSnapshot.of(overlay.guest()), "ours");
            changeAttributes(overlay.guest());
            new RandomHistory(overlay.guest(), seed + 100).run(STEPS / 2);
            live = TreeSnapshot.of(overlay.guest());
        }
        try (KernelMount mount = new KernelMount(layers, "metacopy=on"); Mounted kernel = kernels(mount, true)) {
            assertSame(live, TreeSnapshot.of(kernel.guest()), "the kernel, after us");
        }
    }

    /** What overlayfs copies a file up for without its content. */
    private static void changeAttributes(Guest guest) throws ErrnoException {
        for (String path : TreeSnapshot.of(guest).keySet()) {
            if ((guest.lstat(path).mode() & Stat.S_IFMT) == Stat.S_IFREG) {
                guest.chmod(path, 0640);
            }
        }
    }
}
