package dev.caisson.fs.tar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LayerChange;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.fs.LayeredFileSystem;
import dev.caisson.spi.fs.OpenFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OciLayerExporterTest {
    @TempDir
    private Path directory;

    /** A layer whose changes are all it has, by the marks of an overlay, but for names that only layers below have. */
    private record Upper(FileSystem marked, Set<String> below) implements LayeredFileSystem {
        @Override
        public List<LayerChange> changes(Inode directory) throws ErrnoException {
            List<LayerChange> changes = new ArrayList<>();
            for (String name : TarArchives.list(directory)) {
                if (name.equals(".") || name.equals("..") || below.contains(name)) {
                    continue;
                }
                TarInode file = (TarInode) directory.lookup(name);
                changes.add(new LayerChange(name, file.isWhiteout() ? LayerChange.Kind.REMOVED
                        : !file.isDirectory() ? LayerChange.Kind.FILE
                        : file.listXattrs().contains("trusted.overlay.opaque") ? LayerChange.Kind.OPAQUE : LayerChange.Kind.DIRECTORY));
            }
            return changes;
        }

        @Override
        public String typeName() {
            return marked.typeName();
        }

        @Override
        public String options() {
            return marked.options();
        }

        @Override
        public long deviceId() {
            return marked.deviceId();
        }

        @Override
        public Inode root() {
            return marked.root();
        }

        @Override
        public boolean cachesDentries() {
            return true;
        }

        @Override
        public FileSystemStatus status() throws ErrnoException {
            return marked.status();
        }

        @Override
        public void sync() {}

        @Override
        public void close() {
            marked.close();
        }
    }

    private byte[] exported(byte[] archive, long skipped, String... below) throws IOException, ErrnoException {
        Upper upper = new Upper(TarArchives.mount(directory, archive), Set.of(below));
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        LayerExporter.Summary summary = new OciLayerExporter().export(upper, target);
        assertEquals(skipped, summary.skipped());
        upper.close();
        return target.toByteArray();
    }

    @Test
    void whatIsExportedMountsAsTheSame() throws Exception {
        byte[] value = {0, (byte) 0xff, '\n'};
        String longName = "n\u00ff".repeat(120);
        byte[] archive = new TarArchives().directory(".").directory("d").file("d/.wh.gone", "").file("d/.wh..wh..opq", "").file("d/a", "content")
                .link("d/b", "d/a").link("c", "d/a").symlink("s", "x".repeat(300).substring(0, 90)).add('6', "fifo", "", new byte[0])
                .add('3', "device", "", new byte[0]).file(".wh.top", "")
                .pax("SCHILY.xattr.user.x", value).pax("mtime", "-1.5".getBytes(StandardCharsets.ISO_8859_1))
                .pax("path", longName.getBytes(StandardCharsets.ISO_8859_1)).file("short", "long").bytes();

        byte[] first = exported(archive, 0);
        FileSystem tar = TarArchives.mount(directory, first);

        assertEquals(List.of(".", "..", "c", "d", "device", "fifo", longName, "s", "top"), TarArchives.list(tar.root()));
        assertEquals(Stat.S_IFCHR, TarArchives.at(tar, "top").mode() & Stat.S_IFMT);
        assertEquals(Stat.S_IFCHR, TarArchives.at(tar, "d/gone").mode() & Stat.S_IFMT);
        assertTrue(TarArchives.at(tar, "d").listXattrs().contains("trusted.overlay.opaque"));
        assertSame(TarArchives.at(tar, "c"), TarArchives.at(tar, "d/b"));
        assertEquals("content", TarArchives.text(tar, "c"));
        Inode named = TarArchives.at(tar, longName);
        assertArrayEquals(value, named.getXattr("user.x"));
        assertEquals(-1_500_000_000L, named.attributes().modifyNs());
        Attributes fifo = TarArchives.at(tar, "fifo").attributes();
        assertEquals(Stat.S_IFIFO | 0640, fifo.mode());
        tar.close();
        assertArrayEquals(first, exported(first, 0));
    }

    @Test
    void holesAreNotWritten() throws Exception {
        byte[] archive = new TarArchives().pax("GNU.sparse.map", "4096,512,1073741824,512".getBytes(StandardCharsets.ISO_8859_1))
                .pax("GNU.sparse.size", "2147483648".getBytes(StandardCharsets.ISO_8859_1)).file("sparse", "a".repeat(512) + "b".repeat(512))
                .pax("GNU.sparse.map", "".getBytes(StandardCharsets.ISO_8859_1)).file("none", "").bytes();
        byte[] first = exported(archive, 0);
        assertTrue(first.length < 20_000, () -> first.length + " bytes");
        FileSystem tar = TarArchives.mount(directory, first);
        Inode file = TarArchives.at(tar, "sparse");
        assertEquals(2147483648L, file.attributes().sizeBytes());
        assertEquals("\0" + "a".repeat(512) + "\0", new String(TarArchives.read(file, 4095, 514), StandardCharsets.ISO_8859_1));
        assertEquals("b".repeat(512) + "\0", new String(TarArchives.read(file, 1073741824, 513), StandardCharsets.ISO_8859_1));
        OpenFile open = file.open(Fcntl.O_RDONLY);
        assertEquals(1073741824L, open.seekExtent(5000, false));
        open.close();
        tar.close();
    }

    @Test
    void otherNamesOfAChangedFileAreWrittenWhereverTheyAre() throws Exception {
        byte[] archive = new TarArchives().directory(".").directory("a").directory("low").directory("low/deep").file("a/changed", "content")
                .link("a/beside", "a/changed").link("low/deep/far", "a/changed").file("low/other", "").bytes();
        FileSystem tar = TarArchives.mount(directory, exported(archive, 0, "beside", "low"));
        assertSame(TarArchives.at(tar, "a/changed"), TarArchives.at(tar, "a/beside"));
        assertSame(TarArchives.at(tar, "a/changed"), TarArchives.at(tar, "low/deep/far"));
        assertEquals(3, TarArchives.at(tar, "a/changed").attributes().links());
        assertEquals(Stat.S_IFDIR | 0640, TarArchives.at(tar, "low").mode());
        assertEquals(List.of(".", "..", "deep"), TarArchives.list(TarArchives.at(tar, "low")));
        tar.close();
    }
}
