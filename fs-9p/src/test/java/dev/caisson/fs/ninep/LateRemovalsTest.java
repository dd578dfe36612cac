package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Removals that nobody has waited for are made, whatever becomes of the server, and errors are told. */
@Timeout(240)
class LateRemovalsTest {
    private static final int FILES = 30;
    private static final NewNode FILE = new NewNode(0100600, 0, 0, 0);

    @TempDir
    private Path directory;
    private Path tree;
    private ServerProcess server;
    private NinepFileSystem fileSystem;
    private NinepDirectory root;
    private final Inode[] files = new Inode[FILES];

    @BeforeEach
    void mount() throws Exception {
        tree = Files.createDirectory(directory.resolve("tree"));
        for (int i = 0; i < FILES; i++) {
            Files.writeString(tree.resolve("file-" + i), "");
        }
        server = ServerProcess.gofer(List.of(tree), directory.resolve("s"));
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 60_000, true),
                CachePolicy.EXCLUSIVE, false, new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0));
        root = (NinepDirectory) fileSystem.root();
        root.unlink("first", root.create("first", FILE)); // the server removes names from here
        for (int i = 0; i < FILES; i++) {
            files[i] = root.lookup("file-" + i);
        }
    }

    @AfterEach
    void unmount() {
        fileSystem.close();
        server.close();
    }

    private void removeAll() throws ErrnoException {
        for (int i = 0; i < FILES; i++) {
            root.unlink("file-" + i, files[i]);
        }
    }

    @Test
    void aServerThatIsSlowKeepsNobodyWaiting() throws Exception {
        server.stop();
        removeAll(); // hangs when it waits for answers
        assertEquals(FILES, tree.toFile().list().length);
        server.goOn();
        fileSystem.sync();
        assertEquals(0, tree.toFile().list().length);
    }

    @Test
    void whatADeadServerHasNotDoneIsDoneByTheNextOne() throws Exception {
        server.stop();
        removeAll();
        server.kill();
        assertEquals(FILES, tree.toFile().list().length);
        server.start();
        root.create("file-3", FILE); // whoever uses the directory next finds it as it should be
        assertEquals(List.of("file-3"), List.of(tree.toFile().list()));
    }

    @Test
    void whatTheServerRefusesIsTold() throws Exception {
        server.stop();
        root.unlink("file-1", files[1]);
        root.unlink("file-2", files[2]);
        Files.delete(tree.resolve("file-1"));
        Files.createDirectory(tree.resolve("file-1")); // which cannot be removed so
        server.goOn();
        OpenFile open = root.open(Fcntl.O_RDONLY);
        assertThrows(ErrnoException.class, () -> open.sync(false));
        open.sync(false); // once
        open.close();
        assertTrue(root.lookup("file-1") instanceof NinepDirectory, "it is seen again");
        assertTrue(Files.notExists(tree.resolve("file-2")));
    }

    @Test
    void aFileThatTheHostHoldsIsAskedFor() throws Exception {
        Path held = tree.resolve("file-5");
        int changed = new ProcessBuilder("chattr", "+i", held.toString()).redirectErrorStream(true).start().waitFor();
        org.junit.jupiter.api.Assumptions.assumeTrue(changed == 0, "the host makes no file immutable here");
        try {
            root.forgetListing();
            NinepFileSystem again = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10,
                    60_000, true), CachePolicy.EXCLUSIVE, false, new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0));
            try {
                NinepDirectory top = (NinepDirectory) again.root();
                top.unlink("file-1", top.lookup("file-1"));
                ErrnoException refused = assertThrows(ErrnoException.class, () -> top.unlink("file-5", top.lookup("file-5")));
                assertEquals(Errno.EPERM, refused.errno());
                assertTrue(Files.exists(held));
            } finally {
                again.close();
            }
        } finally {
            new ProcessBuilder("chattr", "-i", held.toString()).start().waitFor();
        }
    }
}
