package dev.caisson.fs.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** O_NOATIME, where access times are the host's. */
class AccessTimeTest {
    private static final FileTime LONG_AGO = FileTime.fromMillis(1_000_000_000_000L);

    @TempDir
    private Path directory;

    private static byte read(OpenFile open) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(1);
            assertEquals(1, open.read(IoBuffer.of(target), 0));
            return target.get(ValueLayout.JAVA_BYTE, 0);
        }
    }

    @Test
    void oneDescriptorLeavesTheTimeAloneWhileAnotherIsShared() throws IOException, ErrnoException {
        Path file = Files.writeString(directory.resolve("f"), "x");
        HostFileSystem fileSystem = new HostFileSystem(directory.toString(), CacheMode.SHARED, false,
                new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0));
        OpenFile shared = fileSystem.root().lookup("f").open(Fcntl.O_RDONLY);
        assertEquals('x', read(shared));
        OpenFile quiet = fileSystem.root().lookup("f").open(Fcntl.O_RDONLY | Fcntl.O_NOATIME);
        OpenFile later = fileSystem.root().lookup("f").open(Fcntl.O_RDONLY);
        later.statusChanged(Fcntl.O_NOATIME);
        Files.setAttribute(file, "lastAccessTime", LONG_AGO);
        assertEquals('x', read(quiet));
        assertEquals('x', read(later));
        assertEquals(LONG_AGO, Files.getAttribute(file, "lastAccessTime"));
        later.statusChanged(0);
        assertEquals('x', read(later)); // whether the host notes it is the host's business
        later.statusChanged(Fcntl.O_NOATIME);
        Files.setAttribute(file, "lastAccessTime", LONG_AGO);
        assertEquals('x', read(later));
        assertEquals(LONG_AGO, Files.getAttribute(file, "lastAccessTime"));
        shared.close();
        quiet.close();
        later.close();
        fileSystem.close();
    }
}
