package dev.caisson.fs.tar;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.overlay.OverlayFileSystem;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.LayeredFileSystem;
import dev.caisson.testing.fs.Feature;
import dev.caisson.testing.fs.FileSystemContractTest;
import dev.caisson.testing.fs.ReadOnlyContractTest;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** Archives keep the contract: alone, as far as it is about reading, and below an overlay. */
class TarContractTest {
    @TempDir
    static Path directory;

    /** What the host's tar has stored of a tree. */
    @Nested
    class Alone extends ReadOnlyContractTest {
        @Override
        protected FileSystem showing(Path tree) throws IOException, ErrnoException {
            Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/tar")), "this host has no tar");
            Path archive = Files.createTempFile(directory, "tree", ".tar");
            try {
                assertEquals(0, new ProcessBuilder("tar", "-C", tree.toString(), "--format=pax", "--xattrs", "--xattrs-include=user.*",
                        "-S", "-cf", archive.toString(), ".").inheritIO().start().waitFor());
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return TarArchives.mount(archive, Map.of());
        }

        @Override
        protected Set<Feature> missing() {
            return EnumSet.of(Feature.WHITEOUT); // an archive with device 0/0 is a layer
        }
    }

    /** What the overlay has changed becomes an archive below it, again and again: the exporter is tried as well. */
    @Nested
    class BelowOverlay extends FileSystemContractTest {
        private final List<FileSystem> layers = new ArrayList<>();

        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            try {
                // What is removed by one layer must not show from another.
                byte[] base = new TarArchives().file("covered", "old").directory("hidden").file("hidden/f", "old").bytes();
                byte[] marks = new TarArchives().file(".wh.covered", "").file(".wh.hidden", "").bytes();
                layers.add(TarArchives.mount(directory, marks));
                layers.add(TarArchives.mount(directory, base));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return again();
        }

        @Override
        protected FileSystem aged(FileSystem used) throws ErrnoException {
            try {
                Path archive = Files.createTempFile(directory, "layer", ".tar");
                try (OutputStream target = Files.newOutputStream(archive)) {
                    new OciLayerExporter().export((LayeredFileSystem) used, target);
                }
                layers.addFirst(TarArchives.mount(archive, Map.of()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return again();
        }

        private FileSystem again() throws ErrnoException {
            return new OverlayFileSystem(new TmpfsFileSystem(TarArchives.MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, "")), layers, "");
        }

        /** As any overlay; an image layer has no sockets. */
        @Override
        protected Set<Feature> missing() {
            return EnumSet.of(Feature.WHITEOUT, Feature.DIRECTORY_LINKS, Feature.ZERO_RANGE, Feature.MOVE_RANGES, Feature.LASTING_SOCKETS);
        }
    }
}
