package dev.caisson.fs.tar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives that the host's tar makes, in each of its formats. */
class GnuTarTest {
    private static final int SPARSE_BYTES = 4 << 20;

    @TempDir
    private Path directory;

    private Path tar(String... options) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/bin/tar")), "this host has no tar");
        Path archive = directory.resolve("made.tar");
        List<String> command = new ArrayList<>(List.of("tar", "-C", directory.resolve("tree").toString(), "-cf", archive.toString()));
        command.addAll(List.of(options));
        command.add(".");
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor());
        return archive;
    }

    private byte[] sparseFile(Path file) throws IOException {
        byte[] expected = new byte[SPARSE_BYTES];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            // More pieces than a header and an extension block hold.
            for (int i = 0; i < 40; i++) {
                byte[] piece = new byte[4096];
                Arrays.fill(piece, (byte) ('a' + i % 26));
                channel.write(ByteBuffer.wrap(piece), i * 100_000L / 4096 * 4096);
                System.arraycopy(piece, 0, expected, (int) (i * 100_000L / 4096 * 4096), 4096);
            }
            channel.write(ByteBuffer.wrap(new byte[1]), SPARSE_BYTES - 1);
        }
        return expected;
    }

    @ParameterizedTest
    @ValueSource(strings = {"--format=gnu", "--format=oldgnu", "--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"})
    void sparseFilesAreTheirOwn(String format) throws Exception {
        Path tree = Files.createDirectories(directory.resolve("tree"));
        byte[] expected = sparseFile(tree.resolve("sparse"));
        Files.writeString(tree.resolve("zz"), "behind it");
        Path archive = format.startsWith("--sparse") ? tar("--format=pax", "-S", format) : tar(format, "-S");
        assertTrue(Files.size(archive) < SPARSE_BYTES / 2, "tar made no sparse archive");

        FileSystem mounted = TarArchives.mount(archive, Map.of());
        Inode file = TarArchives.at(mounted, "sparse");
        assertEquals(SPARSE_BYTES, file.attributes().sizeBytes());
        assertTrue(file.attributes().blocks() < 1000);
        assertArrayEquals(expected, TarArchives.read(file, 0, SPARSE_BYTES + 1));
        assertEquals("behind it", TarArchives.text(mounted, "zz"));
        OpenFile open = file.open(Fcntl.O_RDONLY);
        assertEquals(0, open.seekExtent(0, false));
        assertEquals(4096, open.seekExtent(0, true));
        assertEquals(98304, open.seekExtent(4096, false));
        open.close();
        mounted.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu", "oldgnu", "pax", "ustar", "v7"})
    void treesAreTheSameInEveryFormat(String format) throws Exception {
        Path tree = Files.createDirectories(directory.resolve("tree"));
        String longName = "n".repeat(format.equals("v7") || format.equals("ustar") ? 60 : 200);
        Path deep = Files.createDirectories(tree.resolve(longName));
        Files.writeString(deep.resolve("f"), "content");
        Files.createSymbolicLink(tree.resolve("s"), Path.of(longName + "/f"));
        Files.createLink(tree.resolve("z"), deep.resolve("f"));
        FileSystem mounted = TarArchives.mount(tar("--format=" + format), Map.of());

        assertEquals("content", TarArchives.text(mounted, longName + "/f"));
        assertEquals("content", TarArchives.text(mounted, "z"));
        assertEquals(2, TarArchives.at(mounted, "z").attributes().links());
        assertEquals(longName + "/f", TarArchives.at(mounted, "s").readLink());
        assertEquals((int) (Integer) Files.getAttribute(tree, "unix:mode"), mounted.root().mode());
        mounted.close();
    }

    @Test
    void compressedOnesToo() throws Exception {
        Path tree = Files.createDirectories(directory.resolve("tree"));
        Files.writeString(tree.resolve("f"), "content");
        FileSystem mounted = TarArchives.mount(tar("-z"), Map.of());
        assertEquals("content", TarArchives.text(mounted, "f"));
        mounted.close();
    }
}
