package dev.caisson.fs.dev.stdio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.HostWatcher;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams over descriptors of the host; nothing here waits. */
class HostFilesTest {
    /** Watches nothing; the tests ask for readiness themselves. */
    private static final HostWatcher NOBODY = (fd, events, waiter) -> new HostWatcher.Registration() {
        @Override
        public void modify(int newEvents) {}

        @Override
        public void close() {}
    };

    private static String read(OpenFile file, int most, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(most);
            long got = file.read(IoBuffer.of(segment), position);
            return got == OpenFile.WOULD_BLOCK ? null
                    : new String(segment.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static IoBuffer buffer(Arena arena, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment segment = arena.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return IoBuffer.of(segment);
    }

    private static long write(OpenFile file, String text, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            return position == -2 ? file.append(buffer(arena, text)) : file.write(buffer(arena, text), position);
        }
    }

    /** A pipe whose descriptors block, as those that a shell makes. */
    @Nested
    class BlockingPipe {
        private OpenFile reader;
        private OpenFile writer;

        @BeforeEach
        void open() throws ErrnoException {
            long ends = Errno.check(HostFile.pipe(Fcntl.O_CLOEXEC));
            reader = new HostStreamFile((int) ends, Stat.S_IFIFO, false, NOBODY);
            writer = new HostStreamFile((int) (ends >>> 32), Stat.S_IFIFO, false, NOBODY);
        }

        @AfterEach
        void close() {
            reader.close();
        }

        @Test
        void readsWhatIsThereAndNeverWaits() throws ErrnoException {
            assertEquals(null, read(reader, 10, -1));
            assertEquals(0, reader.readiness(Poll.POLLIN));
            assertEquals(3, write(writer, "abc", -1));
            assertEquals(Poll.POLLIN, reader.readiness(Poll.POLLIN));
            assertEquals("abc", read(reader, 10, -1));
            assertEquals(null, read(reader, 10, -1));
            writer.close();
            assertEquals("", read(reader, 10, -1));
            assertTrue((reader.readiness(0) & Poll.POLLHUP) != 0);
        }

        @Test
        void aFullPipeWouldBlock() throws ErrnoException {
            long written = 0;
            long step;
            while ((step = write(writer, "x".repeat(10_000), -1)) != OpenFile.WOULD_BLOCK) {
                written += step;
            }
            assertTrue(written > 50_000, () -> "less than a pipe holds");
            assertEquals(0, writer.readiness(Poll.POLLOUT));
            assertEquals(4096, read(reader, 4096, -1).length());
            writer.close();
        }

        @Test
        void writingWithoutReaderIsEpipe() {
            reader.close();
            assertEquals(Errno.EPIPE, assertThrows(ErrnoException.class, () -> write(writer, "x", -1)).errno());
            writer.close();
        }
    }

    @Nested
    class RegularFile {
        @TempDir
        private Path directory;

        private int open(int flags) throws ErrnoException, IOException {
            Path path = directory.resolve("f");
            Files.writeString(path, "0123456789");
            return (int) Errno.check(HostPath.open(Fcntl.AT_FDCWD, path.toString(), flags | Fcntl.O_CLOEXEC, 0));
        }

        @Test
        void theOffsetIsTheHosts() throws ErrnoException, IOException {
            int fd = open(Fcntl.O_RDWR);
            HostOffsetFile file = new HostOffsetFile(fd, Fcntl.O_RDWR, null);
            assertEquals("0123", read(file, 4, OpenFile.NO_POSITION));
            assertEquals(4, HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
            assertEquals(2, write(file, "ab", OpenFile.NO_POSITION));
            assertEquals(6, HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
            file.seek(9);
            assertEquals(9, HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
            HostFile.seek(fd, 8, Fcntl.SEEK_SET);
            assertEquals(8, file.offset(), "somebody else moved it");
            assertEquals("89", read(file, 4, OpenFile.NO_POSITION));
            assertEquals("0123ab6789", Files.readString(directory.resolve("f")));
            assertEquals(10, file.sizeBytes());
            file.close();
        }

        @Test
        void transfersAtAPositionLeaveTheOffsetAlone() throws ErrnoException, IOException {
            int fd = open(Fcntl.O_RDWR);
            HostOffsetFile file = new HostOffsetFile(fd, Fcntl.O_RDWR, null);
            file.seek(3);
            assertEquals("56", read(file, 2, 5));
            assertEquals(2, write(file, "ab", 8));
            assertEquals(3, HostFile.seek(fd, 0, Fcntl.SEEK_CUR));
            file.close();
        }

        @Test
        void appendingGoesToTheEndWhoeverWroteThere() throws ErrnoException, IOException {
            int fd = open(Fcntl.O_WRONLY | Fcntl.O_APPEND);
            HostOffsetFile file = new HostOffsetFile(fd, Fcntl.O_WRONLY | Fcntl.O_APPEND, null);
            Files.writeString(directory.resolve("f"), "+", java.nio.file.StandardOpenOption.APPEND);
            assertEquals(13, write(file, "ab", -2));
            assertEquals("0123456789+ab", Files.readString(directory.resolve("f")));
            file.close();
        }
    }
}
