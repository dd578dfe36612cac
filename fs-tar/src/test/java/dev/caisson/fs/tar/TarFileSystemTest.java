package dev.caisson.fs.tar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarFileSystemTest {
    @TempDir
    private Path directory;

    private static TarArchives archive() {
        return new TarArchives();
    }

    @Test
    void filesAndDirectoriesAreAsWritten() throws Exception {
        FileSystem tar = archive().directory("./").directory("./etc").file("./etc/motd", "hello\n").symlink("link", "etc/motd").mount(directory);

        assertEquals("hello\n", TarArchives.text(tar, "etc/motd"));
        assertEquals("etc/motd", TarArchives.at(tar, "link").readLink());
        assertEquals(Stat.S_IFREG | 0640, TarArchives.at(tar, "etc/motd").mode());
        assertEquals(1_700_000_000L * 1_000_000_000, TarArchives.at(tar, "etc/motd").attributes().modifyNs());
        assertEquals(List.of(".", "..", "etc", "link"), TarArchives.list(tar.root()));
        assertEquals(3, tar.root().attributes().links());
        assertNull(TarArchives.at(tar, "etc/none"));
        tar.close();
    }

    @Test
    void directoriesThatAreNotMentionedAreMade() throws Exception {
        FileSystem tar = archive().file("/a/b/c", "x").mount(directory);
        assertEquals("x", TarArchives.text(tar, "a/b/c"));
        assertEquals(Stat.S_IFDIR | 0755, TarArchives.at(tar, "a/b").mode());
        tar.close();
    }

    @Test
    void theLastOfSeveralFilesWithOneNameCounts() throws Exception {
        FileSystem tar = archive().file("a", "1").directory("d").file("d/x", "x").file("a", "2").file("d", "file").directory("e").file("e/f", "f")
                .directory("e").mount(directory);
        assertEquals("2", TarArchives.text(tar, "a"));
        assertEquals("file", TarArchives.text(tar, "d"));
        assertEquals("f", TarArchives.text(tar, "e/f"));
        tar.close();
    }

    @Test
    void hardLinksAreOneFile() throws Exception {
        FileSystem tar = archive().file("a", "content").link("b", "./a").link("d/c", "/a").file("a", "other").mount(directory);
        assertSame(TarArchives.at(tar, "b"), TarArchives.at(tar, "d/c"));
        assertEquals(2, TarArchives.at(tar, "b").attributes().links());
        assertEquals("content", TarArchives.text(tar, "b"));
        assertEquals("other", TarArchives.text(tar, "a"));
        tar.close();
    }

    @Test
    void marksOfRemovalAreWhiteoutsAndOpaqueDirectories() throws Exception {
        FileSystem tar = archive().file("d/.wh.gone", "").file("o/.wh..wh..opq", "").file("o/new", "n").file(".wh..wh.plnk", "").mount(directory);
        Inode gone = TarArchives.at(tar, "d/gone");
        assertEquals(Stat.S_IFCHR, gone.mode() & Stat.S_IFMT);
        assertEquals(0, gone.attributes().rawDevice());
        assertArrayEquals(new byte[] {'y'}, TarArchives.at(tar, "o").getXattr("trusted.overlay.opaque"));
        assertEquals(List.of(".", "..", "new"), TarArchives.list(TarArchives.at(tar, "o")));
        assertEquals(List.of(".", "..", "d", "o"), TarArchives.list(tar.root()));
        tar.close();
    }

    @Test
    void marksOfRemovalAreAboutLayersBelowOnly() throws Exception {
        FileSystem tar = archive().file("a", "new").file(".wh.a", "").file(".wh.d", "").directory("d").directory("e").file("e/x", "x").file(".wh.e", "")
                .mount(directory);
        assertEquals("new", TarArchives.text(tar, "a"));
        assertEquals(List.of("trusted.overlay.opaque"), TarArchives.at(tar, "d").listXattrs());
        assertEquals(List.of("trusted.overlay.opaque"), TarArchives.at(tar, "e").listXattrs());
        assertEquals("x", TarArchives.text(tar, "e/x"));
        tar.close();
    }

    @Test
    void extendedHeadersCarryBytes() throws Exception {
        byte[] value = {0, 1, (byte) 0xff, '\n', (byte) 0xc3};
        String name = "d/" + "n\u00ff".repeat(100);
        FileSystem tar = archive().pax("path", name.getBytes(StandardCharsets.ISO_8859_1)).pax("SCHILY.xattr.security.capability", value)
                .pax("SCHILY.xattr.trusted.overlay.redirect", "/etc".getBytes(StandardCharsets.ISO_8859_1))
                .pax("mtime", "-1.5".getBytes(StandardCharsets.ISO_8859_1)).pax("uid", "3000000000".getBytes(StandardCharsets.ISO_8859_1))
                .file("short", "x").file("next", "y").mount(directory);
        Inode file = TarArchives.at(tar, name);
        assertArrayEquals(value, file.getXattr("security.capability"));
        assertEquals(List.of("security.capability"), file.listXattrs());
        assertEquals(-1_500_000_000L, file.attributes().modifyNs());
        assertEquals((int) 3_000_000_000L, file.uid());
        assertEquals(List.of(), TarArchives.at(tar, "next").listXattrs());
        tar.close();
    }

    @Test
    void mappedPagesAndReadsAreTheSame() throws Exception {
        String content = "0123456789abcdef".repeat(1000);
        FileSystem tar = archive().file("f", content).mount(directory);
        OpenFile open = TarArchives.at(tar, "f").open(Fcntl.O_RDONLY);
        long frame = open.mappable().frame(1, false);
        byte[] mapped = TarArchives.MEMORY.segment().asSlice(frame, 4096).toArray(ValueLayout.JAVA_BYTE);
        assertEquals(content.substring(4096, 8192), new String(mapped, StandardCharsets.ISO_8859_1));
        byte[] tail = TarArchives.read(TarArchives.at(tar, "f"), 15_990, 100);
        assertEquals(content.substring(15_990), new String(tail, StandardCharsets.ISO_8859_1));
        open.close();
        tar.close();
    }

    @Test
    void gzipIsDecompressedOnceAndOtherFormatsAreNamed() throws Exception {
        byte[] plain = archive().file("f", "x".repeat(70_000)).bytes();
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(zipped)) {
            gzip.write(plain);
        }
        FileSystem tar = TarArchives.mount(directory, zipped.toByteArray());
        assertEquals("x".repeat(70_000), TarArchives.text(tar, "f"));
        tar.close();
        refused("gzip file without its end", Arrays.copyOf(zipped.toByteArray(), zipped.size() / 2));
        refused("compressed by zstd", new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, 0, 0, 0});
        Path file = directory.resolve("l.tgz");
        Files.write(file, zipped.toByteArray());
        ErrnoException e = assertThrows(ErrnoException.class, () -> TarArchives.mount(file, Map.of("max_bytes", "5000")));
        assertTrue(e.getMessage().contains("more than 5000 bytes"), e.getMessage());
    }

    @Test
    void nothingCanBeChanged() throws Exception {
        FileSystem tar = archive().file("f", "x").mount(directory);
        assertEquals(Errno.EROFS, assertThrows(ErrnoException.class, () -> tar.root().unlink("f", TarArchives.at(tar, "f"))).errno());
        assertEquals(Errno.EROFS, assertThrows(ErrnoException.class, () -> TarArchives.at(tar, "f").open(Fcntl.O_RDWR)).errno());
        tar.close();
    }

    // ---- archives that want something else

    private void refused(String reason, byte[] archive) throws IOException {
        ErrnoException e = assertThrows(ErrnoException.class, () -> TarArchives.mount(directory, archive).close());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    @Test
    void namesThatLeadOutAreRefused() throws Exception {
        refused("leads out", archive().file("../x", "").bytes());
        refused("leads out", archive().file("a/../../x", "").bytes());
        refused("leads out", archive().file("a", "").link("b", "../a").bytes());
        refused("symbolic link l", archive().symlink("l", "/etc").file("l/passwd", "").bytes());
        refused("below the file f", archive().file("f", "").file("f/x", "").bytes());
        refused("mark of removal", archive().file(".wh...", "").bytes());
        refused("mark of removal", archive().file(".wh.", "").bytes());
        refused("name that is none", archive().pax("path", "a\0b".getBytes(StandardCharsets.ISO_8859_1)).file("f", "").bytes());
        refused("name that is none", archive().pax("path", "x/".repeat(3000).getBytes(StandardCharsets.ISO_8859_1)).file("f", "").bytes());
    }

    @Test
    void linksToNothingAndToDirectoriesAreRefused() throws Exception {
        refused("not there", archive().link("a", "b").bytes());
        refused("not there", archive().link("a", "a").bytes());
        refused("to the directory", archive().directory("d").link("d/loop", "d").bytes());
        refused("to the directory", archive().directory("d").link("loop", ".").bytes());
    }

    @Test
    void sizesThatLieAreRefused() throws Exception {
        byte[] whole = archive().file("f", "x".repeat(2000)).bytes();
        refused("truncated", Arrays.copyOf(whole, 1500));
        refused("middle of a header", Arrays.copyOf(whole, 100));
        refused("truncated", archive().pax("size", "99999999999".getBytes(StandardCharsets.ISO_8859_1)).file("f", "x").bytes());
        refused("number that is none", archive().pax("size", "-1".getBytes(StandardCharsets.ISO_8859_1)).file("f", "x").bytes());
        refused("no tar archive", "this is no archive, whatever its name says".repeat(100).getBytes(StandardCharsets.ISO_8859_1));
        refused("map of holes", archive().pax("GNU.sparse.map", "0,512,256,512".getBytes(StandardCharsets.ISO_8859_1)).file("f", "x".repeat(1024)).bytes());
        refused("map of holes", archive().pax("GNU.sparse.map", "0,9223372036854775807".getBytes(StandardCharsets.ISO_8859_1)).file("f", "x").bytes());
        refused("extended header", archive().add('x', "pax", "", "99 path=x\n".getBytes(StandardCharsets.ISO_8859_1)).file("f", "").bytes());
        refused("extended header", archive().add('x', "pax", "", "9 pathxxx\n".getBytes(StandardCharsets.ISO_8859_1)).file("f", "").bytes());
    }

    @Test
    void tooManyFilesAreRefused() throws Exception {
        Path file = directory.resolve("many.tar");
        Files.write(file, archive().file("a/b/c/d/e/f", "").bytes());
        ErrnoException e = assertThrows(ErrnoException.class, () -> TarArchives.mount(file, Map.of("max_entries", "5")));
        assertTrue(e.getMessage().contains("more than 5 files"), e.getMessage());
    }

    @Test
    void anArchiveThatShrinksBelowTheMountIsAnErrorOfTheCall() throws Exception {
        Path file = directory.resolve("layer.tar");
        Files.write(file, archive().file("f", "x".repeat(50_000)).bytes());
        FileSystem tar = TarArchives.mount(file, Map.of());
        Files.write(file, new byte[600]);
        assertEquals(Errno.EIO, assertThrows(ErrnoException.class, () -> TarArchives.text(tar, "f")).errno());
        tar.close();
    }

    /** Archives with one byte or a few changed are refused or mounted, and never anything else. */
    @Test
    void damagedArchivesDoNoHarm() throws Exception {
        byte[] good = archive().directory("d").pax("SCHILY.xattr.user.a", new byte[] {1, 2}).file("d/f", "content").link("l", "d/f").symlink("s", "d")
                .pax("GNU.sparse.map", "512,512".getBytes(StandardCharsets.ISO_8859_1)).file("sparse", "x".repeat(512)).bytes();
        Random random = new Random(5);
        Path file = directory.resolve("fuzz.tar");
        for (int round = 0; round < 3000; round++) {
            byte[] bad = good.clone();
            for (int i = random.nextInt(3); i >= 0; i--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            if (random.nextBoolean()) {
                mendChecksums(bad);
            }
            Files.write(file, random.nextInt(4) == 0 ? Arrays.copyOf(bad, random.nextInt(bad.length)) : bad);
            try {
                FileSystem tar = TarArchives.mount(file, Map.of());
                readAll(tar.root());
                tar.close();
            } catch (ErrnoException e) {
                assertTrue(e.errno() == Errno.EINVAL || e.errno() == Errno.EIO, e.getMessage());
            }
        }
    }

    private static void mendChecksums(byte[] archive) {
        for (int at = 0; at + 512 <= archive.length; at += 512) {
            byte[] block = Arrays.copyOfRange(archive, at, at + 512);
            if (new String(block, 257, 5, StandardCharsets.ISO_8859_1).equals("ustar")) {
                Arrays.fill(block, 148, 156, (byte) ' ');
                int sum = 0;
                for (byte b : block) {
                    sum += b & 0xff;
                }
                byte[] text = String.format("%06o\0 ", sum).getBytes(StandardCharsets.ISO_8859_1);
                System.arraycopy(text, 0, archive, at + 148, text.length);
            }
        }
    }

    private static void readAll(Inode inode) throws ErrnoException {
        inode.attributes();
        for (String name : inode.listXattrs()) {
            inode.getXattr(name);
        }
        switch (inode.mode() & Stat.S_IFMT) {
            case Stat.S_IFDIR -> {
                for (String name : TarArchives.list(inode)) {
                    if (!name.equals(".") && !name.equals("..")) {
                        readAll(inode.lookup(name));
                    }
                }
            }
            case Stat.S_IFREG -> TarArchives.read(inode, 0, 10_000);
            case Stat.S_IFLNK -> inode.readLink();
            default -> { }
        }
    }
}
