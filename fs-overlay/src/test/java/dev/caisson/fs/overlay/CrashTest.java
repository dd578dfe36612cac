package dev.caisson.fs.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An overlay that ends anywhere between two calls to its upper layer shows every file as it was before or as it would have been, and
 * leaves nothing in the work directory after the next mount. Each operation is cut off at its first call, its second, and so on, until it
 * gets through.
 */
class CrashTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private static final int MOST_CALLS = 200;

    @TempDir
    Path directory;

    private int round;

    /** Something a program does. */
    private interface Action {
        void run(Guest guest) throws ErrnoException;
    }

    private record Directories(Path lower, Path upper, Path work) {}

    private Directories fresh() throws IOException {
        Path own = Files.createDirectory(directory.resolve("round" + round++));
        Path lower = Files.createDirectory(own.resolve("lower"));
        Files.createDirectories(lower.resolve("d/inner"));
        Files.createDirectory(lower.resolve("empty"));
        Files.writeString(lower.resolve("f"), "lower f");
        Files.writeString(lower.resolve("g"), "lower g");
        Files.writeString(lower.resolve("d/h"), "lower h");
        Files.writeString(lower.resolve("one"), "linked");
        Files.createLink(lower.resolve("two"), lower.resolve("one"));
        Files.createDirectory(own.resolve("upper"));
        return new Directories(lower, own.resolve("upper"), own.resolve("work"));
    }

    private static FileSystem mount(Directories directories, CutOff cutOff) throws ErrnoException {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("lowerdir", directories.lower.toString());
        options.put("upperdir", directories.upper.toString());
        options.put("workdir", directories.work.toString());
        options.put("volatile", "");
        HostDirectoryProvider directoriesOfTheHost = new HostDirectoryProvider(MEMORY);
        return new OverlayProvider(new TmpfsProvider(MEMORY), cutOff == null ? directoriesOfTheHost : cutOff.around(directoriesOfTheHost))
                .mount(new MountRequest(null, 0, options, Credentials.ROOT));
    }

    private static Guest guest(MountNamespace namespace) {
        Location top = namespace.rootLocation();
        return new Guest(new Vfs(), new FsContext(namespace, top, top, 0022), Credentials.ROOT);
    }

    private static TreeMap<String, String> snapshot(Directories directories) throws ErrnoException {
        MountNamespace namespace = new MountNamespace(mount(directories, null), "test", 0);
        try {
            Guest guest = guest(namespace);
            TreeMap<String, String> lines = TreeSnapshot.of(guest);
            lines.replaceAll((path, line) -> line.replaceAll(" links=\\d+", "").replaceAll(" mtime=\\d+", "").replaceAll(" same=\\S+", ""));
            guest.fs().release();
            return lines;
        } finally {
            namespace.close();
        }
    }

    /** Cuts an operation off everywhere; {@code before} runs whole. */
    private void cutOffEverywhere(Action before, Action action) throws IOException, ErrnoException {
        for (int calls = 0; ; calls++) {
            assertTrue(calls < MOST_CALLS, "it never gets through");
            Directories directories = fresh();
            CutOff cutOff = new CutOff();
            FileSystem fileSystem = mount(directories, cutOff);
            MountNamespace namespace = new MountNamespace(fileSystem, "test", 0);
            Guest guest = guest(namespace);
            before.run(guest);
            fileSystem.sync();
            Directories copy = copyOf(directories);
            cutOff.after(calls);
            boolean isThrough;
            try {
                action.run(guest);
                isThrough = !cutOff.hasHappened();
            } catch (CutOff.Happened e) {
                isThrough = false;
            }
            cutOff.release(fileSystem);
            TreeMap<String, String> old = snapshot(copy);
            TreeMap<String, String> now = snapshot(directories);
            try (Stream<Path> left = Files.list(directories.work.resolve("work"))) {
                assertEquals(List.of(), left.toList(), "in the work directory, cut off after " + calls + " calls");
            }
            if (isThrough) {
                return;
            }
            CutOff none = new CutOff();
            FileSystem other = mount(copy, none);
            MountNamespace otherNamespace = new MountNamespace(other, "test", 0);
            action.run(guest(otherNamespace));
            none.release(other);
            TreeMap<String, String> done = snapshot(copy);
            assertTrue(now.equals(old) || now.equals(done), "neither old nor new after " + calls + " calls:\nold " + old + "\nnow " + now
                    + "\nnew " + done);
        }
    }

    private Directories copyOf(Directories directories) throws IOException {
        Path own = Files.createDirectory(directory.resolve("copy" + round++));
        try {
            for (String part : List.of("lower", "upper", "work")) {
                Process copy = new ProcessBuilder("cp", "-a", directories.lower.getParent().resolve(part).toString(), own.toString())
                        .inheritIO().start();
                assertEquals(0, copy.waitFor());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return new Directories(own.resolve("lower"), own.resolve("upper"), own.resolve("work"));
    }

    private static void nothing(Guest guest) {}

    @Test
    void changingTheModeOfALowerFile() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.chmod("/d/h", 0600));
    }

    @Test
    void removingALowerFile() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.unlink("/f"));
    }

    @Test
    void removingACopiedFile() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> guest.chmod("/f", 0600), guest -> guest.unlink("/f"));
    }

    @Test
    void removingADirectory() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> {
            guest.unlink("/d/h");
            guest.rmdir("/d/inner");
        }, guest -> guest.rmdir("/d"));
    }

    @Test
    void makingADirectoryOverAWhiteout() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> guest.unlink("/f"), guest -> guest.mkdir("/f"));
    }

    @Test
    void renamingALowerFile() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.rename("/f", "/new"));
    }

    @Test
    void renamingOverALowerFile() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.rename("/f", "/g"));
    }

    @Test
    void renamingOverAWhiteout() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> guest.unlink("/g"), guest -> guest.rename("/f", "/g"));
    }

    @Test
    void renamingAMergedDirectory() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> guest.chmod("/d/h", 0600), guest -> guest.rename("/d", "/moved"));
    }

    @Test
    void renamingADirectoryOverOneWithWhiteouts() throws IOException, ErrnoException {
        cutOffEverywhere(guest -> {
            guest.unlink("/d/h");
            guest.rmdir("/d/inner");
        }, guest -> guest.rename("/empty", "/d"));
    }

    @Test
    void exchanging() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.rename("/f", "/d", Fcntl.RENAME_EXCHANGE));
    }

    @Test
    void changingAFileWithSeveralNames() throws IOException, ErrnoException {
        cutOffEverywhere(CrashTest::nothing, guest -> guest.chmod("/one", 0600));
    }

    @Test
    void typesOfTheUpperLayerStayWhatTheyAre() throws IOException, ErrnoException {
        Directories directories = fresh();
        MountNamespace namespace = new MountNamespace(mount(directories, null), "test", 0);
        Guest guest = guest(namespace);
        guest.unlink("/f");
        Inode whiteout = ((OverlayFileSystem) guest.at("/").inode().fileSystem()).upperRoot().lookup("f");
        assertEquals(Stat.S_IFCHR, whiteout.mode() & Stat.S_IFMT);
        guest.fs().release();
        namespace.close();
    }
}
