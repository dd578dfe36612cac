package dev.caisson.fs.tar;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** An archive that was opened, uncompressed: the file itself, or a temporary one without a name. Safe for use by many threads. */
final class ArchiveFile implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 << 10;
    /** Offsets in struct stat: st_mode, st_size. */
    private static final int MODE = 24, SIZE = 48, STAT_BYTES = 144;
    private static final int MAGIC_BYTES = 6;

    private final int fd;
    private final long sizeBytes;

    private ArchiveFile(int fd, long sizeBytes) {
        this.fd = fd;
        this.sizeBytes = sizeBytes;
    }

    /**
     * Opens an archive.
     *
     * @param path on the host, one byte per character
     * @param mostBytes the most that a compressed one may hold
     * @return the archive
     * @throws ErrnoException what the host says
     * @throws IOException when it is compressed in a way that is not known, or wrongly
     */
    static ArchiveFile open(String path, long mostBytes) throws ErrnoException, IOException {
        // O_NONBLOCK: a FIFO in the file's place must not stop the start.
        int fd = (int) Errno.check(HostPath.open(Fcntl.AT_FDCWD, path, Fcntl.O_RDONLY | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_NOCTTY, 0));
        ArchiveFile file = null;
        try {
            ArchiveFile raw = new ArchiveFile(fd, regularSize(fd));
            String compression = raw.compression();
            file = switch (compression) {
                case "" -> raw;
                case "gzip" -> raw.unzipped(mostBytes);
                default -> throw new IOException("is compressed by " + compression + ", and only gzip is known; decompress it first");
            };
            return file;
        } finally {
            if (file == null || file.fd != fd) {
                HostFile.close(fd);
            }
        }
    }

    private static long regularSize(int fd) throws ErrnoException, IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stat = arena.allocate(STAT_BYTES, 8);
            Errno.check(HostFile.status(fd, stat.address()));
            if ((stat.get(Layouts.U32, MODE) & Stat.S_IFMT) != Stat.S_IFREG) {
                throw new IOException("is no regular file");
            }
            return stat.get(Layouts.U64, SIZE);
        }
    }

    private String compression() throws IOException {
        byte[] magic = new byte[(int) Math.min(MAGIC_BYTES, sizeBytes)];
        read(0, magic, 0, magic.length);
        String text = new String(magic, StandardCharsets.ISO_8859_1);
        if (text.startsWith("\37\213")) {
            return "gzip";
        }
        return text.startsWith("(\265/\375") ? "zstd" : text.startsWith("BZh") ? "bzip2" : text.startsWith("\3757zXZ\0") ? "xz" : "";
    }

    long sizeBytes() {
        return sizeBytes;
    }

    // ---- reading

    /**
     * Fills native memory.
     *
     * @throws ErrnoException EIO when the file has become shorter
     */
    void read(long position, MemorySegment target) throws ErrnoException {
        long done = 0;
        while (done < target.byteSize()) {
            long got = Errno.check(HostFile.pread(fd, target.address() + done, target.byteSize() - done, position + done));
            if (got == 0) {
                throw Errno.EIO.error("the archive has become shorter");
            }
            done += got;
        }
    }

    /** Fills a part of an array. */
    void read(long position, byte[] target, int start, int lengthBytes) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(Math.max(1, lengthBytes));
            read(position, memory.asSlice(0, lengthBytes));
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, target, start, lengthBytes);
        } catch (ErrnoException e) {
            throw new IOException("cannot be read: " + e.errno().text(), e);
        }
    }

    private final class Stream extends InputStream {
        private final byte[] buffer = new byte[BUFFER_BYTES];
        private long position;
        private int at;
        private int end;

        @Override
        public int read() throws IOException {
            return isAtEnd() ? -1 : buffer[at++] & 0xff;
        }

        @Override
        public int read(byte[] target, int start, int lengthBytes) throws IOException {
            if (isAtEnd()) {
                return -1;
            }
            int count = Math.min(lengthBytes, end - at);
            System.arraycopy(buffer, at, target, start, count);
            at += count;
            return count;
        }

        @Override
        public int available() {
            return (int) Math.min(Integer.MAX_VALUE, sizeBytes - position + end - at); // tells GZIPInputStream whether a member follows
        }

        private boolean isAtEnd() throws IOException {
            if (at == end) {
                end = (int) Math.min(buffer.length, sizeBytes - position);
                at = 0;
                ArchiveFile.this.read(position, buffer, 0, end);
                position += end;
            }
            return end == 0;
        }
    }

    // ---- compressed ones

    private ArchiveFile unzipped(long mostBytes) throws IOException, ErrnoException {
        int copy = temporary();
        long total = 0;
        boolean isDone = false;
        try (Arena arena = Arena.ofConfined(); InputStream content = new GZIPInputStream(new Stream(), BUFFER_BYTES)) {
            MemorySegment memory = arena.allocate(BUFFER_BYTES);
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int count = content.read(buffer); count >= 0; count = content.read(buffer)) {
                if (count > mostBytes - total) {
                    throw new IOException("holds more than " + mostBytes + " bytes when decompressed");
                }
                MemorySegment.copy(buffer, 0, memory, ValueLayout.JAVA_BYTE, 0, count);
                for (long done = 0; done < count;) {
                    done += Errno.check(HostFile.pwrite(copy, memory.address() + done, count - done, total + done));
                }
                total += count;
            }
            isDone = true;
            return new ArchiveFile(copy, total);
        } catch (EOFException e) {
            throw new IOException("is a gzip file without its end", e);
        } catch (ErrnoException e) {
            throw new IOException("cannot be decompressed into " + directory() + ": " + e.errno().text(), e);
        } finally {
            if (!isDone) {
                HostFile.close(copy);
            }
        }
    }

    private static String directory() {
        return System.getProperty("java.io.tmpdir");
    }

    /** A file without a name, so that nothing is left of it when the process is killed. */
    private static int temporary() throws IOException, ErrnoException {
        long fd = HostPath.open(Fcntl.AT_FDCWD, directory(), Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0600);
        if (fd >= 0) {
            return (int) fd;
        }
        Path file = Files.createTempFile("caisson-", ".tar"); // the directory's filesystem has no O_TMPFILE
        try {
            return (int) Errno.check(HostPath.open(Fcntl.AT_FDCWD, file.toString(), Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0));
        } finally {
            Files.delete(file);
        }
    }

    @Override
    public void close() {
        HostFile.close(fd);
    }
}
