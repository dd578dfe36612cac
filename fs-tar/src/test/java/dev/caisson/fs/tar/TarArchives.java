package dev.caisson.fs.tar;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.OpenFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Archives made header by header, and what a mount of them shows. */
final class TarArchives {
    static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarArchiveOutputStream out = new TarArchiveOutputStream(bytes, StandardCharsets.ISO_8859_1.name());

    TarArchives add(char type, String name, String link, byte[] content) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name, (byte) type, true);
        entry.setLinkName(link);
        entry.setSize(content.length);
        entry.setMode(0640);
        entry.setModTime(1_700_000_000_000L);
        out.putArchiveEntry(entry);
        out.write(content, 0, content.length);
        out.closeArchiveEntry();
        return this;
    }

    TarArchives file(String name, String content) throws IOException {
        return add('0', name, "", content.getBytes(StandardCharsets.ISO_8859_1));
    }

    TarArchives directory(String name) throws IOException {
        return add('5', name + "/", "", new byte[0]);
    }

    TarArchives symlink(String name, String target) throws IOException {
        return add('2', name, target, new byte[0]);
    }

    TarArchives link(String name, String target) throws IOException {
        return add('1', name, target, new byte[0]);
    }

    TarArchives pax(String keyword, byte[] value) throws IOException {
        ByteArrayOutputStream records = new ByteArrayOutputStream();
        PaxRecords.append(records, keyword, value);
        return add((char) TarConstants.LF_PAX_EXTENDED_HEADER_LC, "pax", "", records.toByteArray());
    }

    byte[] bytes() throws IOException {
        out.finish();
        return bytes.toByteArray();
    }

    static FileSystem mount(Path directory, byte[] archive) throws IOException, ErrnoException {
        Path file = Files.createTempFile(directory, "layer", ".tar");
        Files.write(file, archive);
        return mount(file, Map.of());
    }

    FileSystem mount(Path directory) throws IOException, ErrnoException {
        return mount(directory, bytes());
    }

    static FileSystem mount(Path file, Map<String, String> options) throws ErrnoException {
        return new TarProvider(MEMORY, Map.of()).mount(new MountRequest(file.toString(), 1, options, Credentials.ROOT));
    }

    static Inode at(FileSystem fileSystem, String path) throws ErrnoException {
        Inode inode = fileSystem.root();
        for (String part : path.split("/")) {
            inode = part.isEmpty() ? inode : inode.lookup(part);
            if (inode == null) {
                return null;
            }
        }
        return inode;
    }

    static byte[] read(Inode inode, long position, int most) throws ErrnoException {
        OpenFile open = inode.open(Fcntl.O_RDONLY);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(most);
            int got = (int) open.read(IoBuffer.of(memory), position);
            return memory.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE);
        } finally {
            open.close();
        }
    }

    static String text(FileSystem fileSystem, String path) throws ErrnoException {
        return new String(read(at(fileSystem, path), 0, 100_000), StandardCharsets.ISO_8859_1);
    }

    static List<String> list(Inode directory) throws ErrnoException {
        List<String> names = new ArrayList<>();
        OpenFile open = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            // One entry at a time, so that every position is used.
            long position = 0;
            while (true) {
                boolean[] isTaken = {false};
                position = open.readDirectory(position, (name, number, type, next) -> {
                    if (isTaken[0]) {
                        return false;
                    }
                    names.add(name);
                    isTaken[0] = true;
                    return true;
                });
                if (!isTaken[0]) {
                    return names;
                }
            }
        } finally {
            open.close();
        }
    }
}
