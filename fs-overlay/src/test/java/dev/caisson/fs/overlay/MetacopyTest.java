package dev.caisson.fs.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.host.HostPath;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Copies without content, as overlayfs leaves them in an upper directory with metacopy=on; made here by their marks alone. */
class MetacopyTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private static final FileTime THEN = FileTime.fromMillis(1_234_567_890_123L);

    @TempDir
    private Path directory;
    private Path lower;
    private Path upper;
    private String prefix;
    private MountNamespace namespace;
    private FsContext context;
    private Guest guest;

    @BeforeEach
    void makeLayers() throws IOException {
        lower = Files.createDirectories(directory.resolve("lower/d")).getParent();
        upper = Files.createDirectories(directory.resolve("upper/d")).getParent();
        Files.writeString(lower.resolve("d/file"), "what is below");
        prefix = set(upper, "trusted.overlay.impure", "y") ? "trusted.overlay." : "user.overlay.";
        assumeTrue(set(upper, prefix + "impure", "y"), "no attributes in temporary directories");
        set(upper.resolve("d"), prefix + "impure", "y");
    }

    @AfterEach
    void unmount() {
        if (namespace != null) {
            context.release();
            namespace.close();
        }
    }

    private static boolean set(Path file, String attribute, String value) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = value.getBytes(StandardCharsets.ISO_8859_1);
            MemorySegment text = arena.allocate(Math.max(1, bytes.length));
            MemorySegment.copy(bytes, 0, text, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, bytes.length);
            return HostPath.setAttribute(file.toString(), attribute, true, text.address(), bytes.length, 0) == 0;
        }
    }

    private static boolean has(Path file, String attribute) {
        return HostPath.attribute(file.toString(), attribute, true, 0, 0) >= 0;
    }

    private Path copy(String name, long bytes) throws IOException {
        Path copy = upper.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(copy.toFile(), "rw")) {
            file.setLength(bytes);
        }
        set(copy, prefix + "metacopy", "");
        Files.setLastModifiedTime(copy, THEN);
        return copy;
    }

    private Guest mount(Path... lowers) throws ErrnoException {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("lowerdir", String.join(":", java.util.Arrays.stream(lowers).map(Path::toString).toList()));
        options.put("upperdir", upper.toString());
        options.put("workdir", directory.resolve("work").toString());
        namespace = new MountNamespace(new OverlayProvider(new TmpfsProvider(MEMORY), new HostDirectoryProvider(MEMORY))
                .mount(new MountRequest(null, 0, options, Credentials.ROOT)), "test", 0);
        Location top = namespace.rootLocation();
        context = new FsContext(namespace, top, top, 0022);
        guest = new Guest(new Vfs(), context, Credentials.ROOT);
        return guest;
    }

    @Test
    void theContentIsThatOfTheLowerFileUntilItIsWritten() throws Exception {
        Path copy = copy("d/file", 13);
        mount(lower);
        assertEquals("what is below", guest.read("/d/file"));
        guest.chmod("/d/file", 0600);
        assertEquals(0, Files.getAttribute(copy, "unix:mode") instanceof Integer mode ? mode & 0177 : -1);
        assertEquals(true, has(copy, prefix + "metacopy"), "a change of attributes needs no content");
        FileDescription reader = guest.open("/d/file", Fcntl.O_RDONLY);
        FileDescription writer = guest.open("/d/file", Fcntl.O_RDWR);
        assertEquals(false, has(copy, prefix + "metacopy"));
        assertEquals("what is below", Files.readString(copy));
        assertEquals(THEN, Files.getLastModifiedTime(copy), "opening is no change");
        assertEquals(0600, guest.stat("/d/file").mode() & 07777);
        guest.writeAt(writer, "WHAT", 0);
        assertEquals("WHAT is below", guest.readAt(reader, 20, 0), "who has it open sees the change");
        guest.unlink("/d/file");
        assertEquals("WHAT is below", guest.readAt(reader, 20, 0));
        writer.release();
        reader.release();
        assertEquals("what is below", Files.readString(lower.resolve("d/file")));
    }

    @Test
    void aRedirectTellsWhereTheContentIs() throws Exception {
        set(copy("other", 13), prefix + "redirect", "/d/file");
        set(copy("d/beside", 13), prefix + "redirect", "file");
        mount(lower);
        assertEquals("what is below", guest.read("/other"));
        assertEquals("what is below", guest.read("/d/beside"));
        assertEquals(guest.stat("/d/file").blocks(), guest.stat("/other").blocks());
    }

    @Test
    void aNewNameGetsTheContent() throws Exception {
        set(copy("other", 13), prefix + "redirect", "/d/file");
        copy("d/file", 13);
        mount(lower);
        guest.rename("/other", "/d/new");
        assertEquals("what is below", guest.read("/d/new"));
        assertEquals("what is below", Files.readString(upper.resolve("d/new")));
        guest.link("/d/file", "/linked");
        assertEquals("what is below", Files.readString(upper.resolve("linked")));
    }

    @Test
    void theContentMayBeLayersBelow() throws Exception {
        Path middle = upper;
        copy("d/file", 13);
        upper = Files.createDirectories(directory.resolve("top"));
        mount(middle, lower);
        assertEquals("what is below", guest.read("/d/file"));
        guest.chmod("/d/file", 0600); // a copy of the copy
        assertEquals("what is below", Files.readString(upper.resolve("d/file")));
        assertEquals(false, has(upper.resolve("d/file"), prefix + "metacopy"));
    }

    @Test
    void contentThatIsNowhereIsAnError() throws Exception {
        set(copy("other", 13), prefix + "redirect", "/d/none");
        set(copy("outside", 13), prefix + "redirect", "/../d/file");
        set(copy("directory", 13), prefix + "redirect", "/d");
        mount(lower);
        for (String name : new String[] {"/other", "/outside", "/directory"}) {
            assertEquals(Errno.EIO, assertThrows(ErrnoException.class, () -> guest.stat(name), name).errno());
        }
    }

    @Test
    void truncationOnOpenLeavesNothingOfTheLowerFile() throws Exception {
        Path copy = copy("d/file", 13);
        mount(lower);
        guest.write("/d/file", "new");
        assertEquals("new", guest.read("/d/file"));
        assertEquals("new", Files.readString(copy));
        assertEquals(false, has(copy, prefix + "metacopy"));
    }
}
