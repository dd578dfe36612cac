package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.ETXTBSY;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Paths;
import dev.caisson.vfs.Writers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the kernel relies on below system calls: identity of inodes, places of open files, running programs, the filesystem's status. */
public interface InternalsContract extends ContractSubject {
    @Test
    default void aFileIsOneObjectUnderAllItsNames() throws ErrnoException {
        needs(Feature.HARD_LINKS);
        root().write("/f", "");
        root().mkdir("/d");
        root().link("/f", "/d/g");
        assertSame(root().at("/f").inode(), root().at("/d/g").inode());
        root().rename("/d/g", "/h");
        assertSame(root().at("/f").inode(), root().at("/h").inode());
    }

    @Test
    default void openFilesFollowTheirName() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/d");
        root().write("/a/d/f", "x");
        FileDescription file = root().open("/a/d/f", Fcntl.O_RDONLY);
        root().rename("/a", "/z");
        assertEquals("/z/d/f", Paths.of(file.location(), root().fs().root()));
        assertEquals("x", root().read("/z/d/f"));
        fails(ENOENT, () -> root().read("/a/d/f"));
        root().unlink("/z/d/f");
        assertEquals("/z/d/f (deleted)", Paths.of(file.location(), root().fs().root()));
        file.release();
    }

    @Test
    default void aRunningProgramCannotBeWritten() throws ErrnoException {
        root().write("/prog", "code");
        root().chmod("/prog", 0755);
        Location place = root().at("/prog");
        FileDescription program = root().vfs().openProgram(root(), place);
        fails(ETXTBSY, () -> root().open("/prog", Fcntl.O_WRONLY));
        fails(ETXTBSY, () -> root().vfs().truncate(root(), root().at("/prog"), 0));
        Writers.of(place.inode()).endRun();
        program.release();
        FileDescription writer = root().open("/prog", Fcntl.O_WRONLY);
        fails(ETXTBSY, () -> root().vfs().openProgram(root(), place));
        writer.release();
    }

    @Test
    default void specialFilesWithoutDriverAreEnxio() throws ErrnoException {
        needs(Feature.DEVICE_NODES);
        root().vfs().mknod(root(), null, "/dev", Stat.S_IFCHR | 0666, 0xfff00);
        fails(ENXIO, () -> root().open("/dev", Fcntl.O_RDONLY));
    }

    @Test
    default void entriesStartWithDotsAndTellTypeAndNumber() throws ErrnoException {
        root().mkdir("/d");
        root().mkdir("/d/sub");
        root().write("/d/file", "");
        root().symlink("x", "/d/link");
        Map<String, Integer> types = new HashMap<>();
        Map<String, Long> numbers = new HashMap<>();
        List<String> order = new ArrayList<>();
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        directory.readDirectory((name, inode, type, next) -> {
            types.put(name, type);
            numbers.put(name, inode);
            order.add(name);
            return true;
        });
        directory.release();
        assertEquals(List.of(".", ".."), order.subList(0, 2));
        int directoryType = Stat.S_IFDIR >>> 12;
        assertEquals(Map.of(".", directoryType, "..", directoryType, "sub", directoryType, "file", Stat.S_IFREG >>> 12, "link",
                Stat.S_IFLNK >>> 12), types);
        assertEquals(root().stat("/d").inode(), numbers.get("."));
        assertEquals(root().stat("/").inode(), numbers.get(".."));
        assertEquals(root().stat("/d/file").inode(), numbers.get("file"));
    }

    @Test
    default void filesOfOneFilesystemHaveItsDevice() throws ErrnoException {
        root().write("/f", "");
        root().write("/g", "");
        assertEquals(root().stat("/").deviceId(), root().stat("/f").deviceId());
        assertNotEquals(root().stat("/f").inode(), root().stat("/g").inode());
    }

    @Test
    default void theFilesystemTellsItsStatusAndSyncs() throws ErrnoException {
        assertTrue(root().vfs().status(root().at("/")).blockBytes() > 0);
        assertTrue(root().vfs().status(root().at("/")).nameBytes() >= 255);
        assertTrue(root().vfs().status(root().at("/")).magic() != 0);
        root().write("/f", "x");
        root().at("/f").inode().fileSystem().sync();
    }
}
