package dev.caisson.testing.fs;

import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.vfs.FileDescription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** getdents64(2), also while the directory changes. */
public interface DirectoryContract extends ContractSubject {
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
        assertEquals(Set.of(".", "..", "sub", "file", "link"), types.keySet());
        assertEquals(Stat.S_IFDIR >>> 12, types.get("sub"));
        assertEquals(Stat.S_IFREG >>> 12, types.get("file"));
        assertEquals(Stat.S_IFLNK >>> 12, types.get("link"));
        assertEquals(root().stat("/d").inode(), numbers.get("."));
        assertEquals(root().stat("/").inode(), numbers.get(".."));
        assertEquals(root().stat("/d/file").inode(), numbers.get("file"));
    }

    @Test
    default void readingGoesOnWhereTheSinkWasFull() throws ErrnoException {
        root().mkdir("/d");
        Set<String> expected = new HashSet<>(Set.of(".", ".."));
        for (int i = 0; i < 300; i++) {
            root().write("/d/f" + i, "");
            expected.add("f" + i);
        }
        List<String> seen = new ArrayList<>();
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        while (true) {
            int start = seen.size();
            directory.readDirectory((name, inode, type, next) -> seen.size() - start < 7 && seen.add(name));
            if (seen.size() == start) {
                break;
            }
        }
        directory.release();
        assertEquals(expected.size(), seen.size());
        assertEquals(expected, new HashSet<>(seen));
    }

    @Test
    default void entriesThatStayAreSeenOnceWhileOthersComeAndGo() throws ErrnoException {
        root().mkdir("/d");
        for (int i = 0; i < 100; i++) {
            root().write("/d/stay" + i, "");
            root().write("/d/go" + i, "");
        }
        List<String> seen = new ArrayList<>();
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        int round = 0;
        while (true) {
            int start = seen.size();
            directory.readDirectory((name, inode, type, next) -> seen.size() - start < 5 && seen.add(name));
            if (seen.size() == start) {
                break;
            }
            if (round < 100) {
                root().unlink("/d/go" + round);
                root().write("/d/new" + round, "");
                round++;
            }
        }
        directory.release();
        for (int i = 0; i < 100; i++) {
            String name = "stay" + i;
            assertEquals(1, seen.stream().filter(name::equals).count(), name);
        }
    }

    @Test
    default void seekingRewindsADirectory() throws ErrnoException {
        root().mkdir("/d");
        root().write("/d/a", "");
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        List<String> first = new ArrayList<>();
        directory.readDirectory((name, inode, type, next) -> first.add(name));
        root().write("/d/b", "");
        directory.seek(0, Fcntl.SEEK_SET);
        List<String> second = new ArrayList<>();
        directory.readDirectory((name, inode, type, next) -> second.add(name));
        directory.release();
        assertEquals(3, first.size());
        assertEquals(4, second.size());
        assertTrue(second.contains("b"));
    }

    @Test
    default void filesHaveNoEntries() throws ErrnoException {
        root().write("/f", "");
        FileDescription file = root().open("/f", Fcntl.O_RDONLY);
        fails(Errno.ENOTDIR, () -> file.readDirectory((name, inode, type, next) -> true));
        file.release();
    }
}
