package dev.caisson.fs.tar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.fs.overlay.OverlayFileSystem;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files with several names in a lower layer: a change made through one of them is in the exported layer under the others. */
class LinksInLayersTest {
    @TempDir
    private Path directory;

    private FileSystem lower;
    private OverlayFileSystem overlay;
    private Inode root;

    @BeforeEach
    void stack() throws IOException, ErrnoException {
        lower = new TarArchives().directory(".").directory("d").directory("far").file("d/one", "old").link("d/two", "d/one")
                .link("far/three", "d/one").file("d/other", "same").mount(directory);
        overlay = new OverlayFileSystem(new TmpfsFileSystem(TarArchives.MEMORY, TmpfsOptions.DEFAULT), List.of(lower), "");
        root = overlay.root();
    }

    private static void write(OpenFile open, String text) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, text.getBytes(StandardCharsets.ISO_8859_1));
            open.write(IoBuffer.of(bytes), 0);
        }
    }

    private Inode at(String path) throws ErrnoException {
        return TarArchives.at(overlay, path);
    }

    private void change(String path, String text) throws ErrnoException {
        OpenFile open = at(path).open(Fcntl.O_RDWR);
        write(open, text);
        open.close();
    }

    /** What others see who put the exported layer over the same lower one. */
    private FileSystem exported() throws IOException, ErrnoException {
        ByteArrayOutputStream layer = new ByteArrayOutputStream();
        new OciLayerExporter().export(overlay, layer);
        return TarArchives.mount(directory, layer.toByteArray());
    }

    @Test
    void aNameThatIsGoneLeavesItsChangesUnderTheOthers() throws Exception {
        change("d/two", "new");
        at("d").unlink("two", at("d/two"));
        FileSystem layer = exported();
        assertEquals("new", TarArchives.text(layer, "d/one"));
        assertSame(TarArchives.at(layer, "d/one"), TarArchives.at(layer, "far/three"));
        assertEquals(0, TarArchives.at(layer, "d/two").attributes().rawDevice(), "a whiteout");
        assertEquals(2, TarArchives.at(layer, "d/one").attributes().links());
        assertNull(TarArchives.at(layer, "d/other"));
        layer.close();
    }

    @Test
    void aChangeThroughADescriptorWhoseNameIsGoneCountsToo() throws Exception {
        OpenFile open = at("d/one").open(Fcntl.O_RDONLY);
        Inode file = at("d/one");
        at("d").unlink("one", file);
        at("d").unlink("two", at("d/two"));
        OpenFile writer = file.open(Fcntl.O_RDWR);
        write(writer, "new");
        writer.close();
        open.close();
        FileSystem layer = exported();
        assertEquals("new", TarArchives.text(layer, "far/three"));
        assertEquals(1, TarArchives.at(layer, "far/three").attributes().links());
        layer.close();
    }

    @Test
    void whatHasNoNameAnyMoreIsNotLookedFor() throws Exception {
        change("d/one", "new");
        at("d").unlink("one", at("d/one"));
        at("d").unlink("two", at("d/two"));
        at("far").unlink("three", at("far/three"));
        assertEquals(List.of(), List.copyOf(overlay.changedLinks()));
        FileSystem layer = exported();
        assertEquals(List.of(".", "..", "one", "two"), TarArchives.list(TarArchives.at(layer, "d")));
        layer.close();
    }
}
