package dev.caisson.control.remote;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RuntimeDirectoryTest {
    @TempDir
    private Path temporary;
    private RuntimeDirectory directory;

    @BeforeEach
    void choose() throws IOException {
        directory = RuntimeDirectory.of(temporary.resolve("run"));
    }

    @Test
    void rootAndUsersHavePlacesOfTheirOwn() {
        assertEquals(Path.of("/run/caisson"), RuntimeDirectory.own(0, Map.of("XDG_RUNTIME_DIR", "/run/user/0")).path());
        assertEquals(Path.of("/run/user/5/caisson"), RuntimeDirectory.own(5, Map.of("XDG_RUNTIME_DIR", "/run/user/5")).path());
        assertEquals(Path.of("/tmp/caisson-5"), RuntimeDirectory.own(5, Map.of()).path());
        assertEquals(Path.of("/tmp/caisson-5"), RuntimeDirectory.own(5, Map.of("XDG_RUNTIME_DIR", "relative")).path());
    }

    @Test
    void namesAreShortAndPlain() {
        for (String name : List.of("a", "web-1", "A.b_c+d", "0", "x".repeat(64))) {
            assertDoesNotThrow(() -> RuntimeDirectory.checkName(name), name);
        }
        for (String name : List.of("", ".", "..", "-x", "a/b", "../a", "a b", "ä", "a\n", "x".repeat(65))) {
            assertThrows(IllegalArgumentException.class, () -> RuntimeDirectory.checkName(name), name);
        }
    }

    @Test
    void aPathThatIsTooLongForASocketIsRefused() {
        RuntimeDirectory deep = new RuntimeDirectory(Path.of("/" + "d".repeat(100)));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> deep.socket("sandbox")).getMessage().contains("107"));
    }

    @Test
    void theDirectoryIsPrivate() throws IOException {
        directory.listen("one").close();
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.path())));
    }

    @Test
    void aDirectoryThatOthersCanWriteToIsRefused() throws IOException {
        Files.createDirectory(directory.path());
        Files.setPosixFilePermissions(directory.path(), PosixFilePermissions.fromString("rwxrwxrwx"));
        assertTrue(assertThrows(IOException.class, () -> directory.listen("one")).getMessage().contains("--root"));
    }

    @Test
    void aSymbolicLinkInThePlaceOfTheDirectoryIsRefused() throws IOException {
        Files.createDirectory(temporary.resolve("elsewhere"));
        Files.createSymbolicLink(directory.path(), temporary.resolve("elsewhere"));
        assertThrows(IOException.class, () -> directory.listen("one"));
    }

    @Test
    void aNameIsTakenAsLongAsSomebodyListens() throws IOException {
        try (ServerSocketChannel first = directory.listen("one")) {
            assertTrue(first.isOpen());
            assertEquals("a sandbox named one runs already", assertThrows(IOException.class, () -> directory.listen("one")).getMessage());
        }
        // The file is still there, as after kill -9.
        assertTrue(Files.exists(directory.socket("one")));
        directory.listen("one").close();
    }

    @Test
    void whatADeadSandboxLeftBehindIsRemoved() throws IOException {
        directory.listen("dead").close();
        assertEquals(List.of("dead"), directory.names());
        assertNull(directory.connect("dead"));
        assertEquals(List.of(), directory.names());
        assertFalse(Files.exists(directory.socket("dead")));
    }

    @Test
    void anythingElseInTheDirectoryIsNoSandbox() throws IOException {
        try (ServerSocketChannel server = directory.listen("b")) {
            assertTrue(server.isOpen());
            Files.writeString(directory.path().resolve("note"), "");
            Files.writeString(directory.path().resolve("-x.sock"), "");
            assertEquals(List.of("b"), directory.names());
        }
        assertEquals(List.of(), RuntimeDirectory.of(temporary.resolve("none")).names());
        assertNull(RuntimeDirectory.of(temporary.resolve("none")).connect("x"));
    }
}
