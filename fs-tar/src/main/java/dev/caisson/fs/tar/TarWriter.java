package dev.caisson.fs.tar;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * Writes files of the kernel to a tar archive: ustar headers, pax records for what they have no room for (long names, parts of seconds,
 * extended attributes as star stores them), and version 1.0 of GNU's sparse format, so that a hole costs nothing.
 */
final class TarWriter {
    private static final int BLOCKING_BYTES = 20 * TarConstants.DEFAULT_RCDSIZE;
    private static final int RECORD = TarConstants.DEFAULT_RCDSIZE;
    private static final int BUFFER_BYTES = 256 << 10;
    /** More pieces of data than that are written as one, with their holes. */
    private static final int MOST_PIECES = 1 << 16;
    /** Smaller holes are not worth a map. */
    private static final long LEAST_HOLE_BYTES = 64 << 10;
    private static final long NANOS = 1_000_000_000L;

    private final TarArchiveOutputStream out;

    TarWriter(OutputStream target) {
        out = new TarArchiveOutputStream(target, BLOCKING_BYTES, StandardCharsets.ISO_8859_1.name());
        out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_STAR);
        out.setLongFileMode(TarArchiveOutputStream.LONGFILE_TRUNCATE); // the whole name is in a pax record
    }

    // ---- files

    /**
     * Writes a file without content.
     *
     * @param path its name, of a directory ended by a slash
     * @param file the file, for its extended attributes
     * @param attributes what to write of it
     * @param target of a symbolic link, else empty
     */
    void put(String path, Inode file, Attributes attributes, String target) throws IOException {
        byte type = switch (attributes.mode() & Stat.S_IFMT) {
            case Stat.S_IFDIR -> TarConstants.LF_DIR;
            case Stat.S_IFLNK -> TarConstants.LF_SYMLINK;
            case Stat.S_IFCHR -> TarConstants.LF_CHR;
            case Stat.S_IFBLK -> TarConstants.LF_BLK;
            default -> TarConstants.LF_FIFO;
        };
        begin(path, type, attributes, target, 0, records(file, attributes));
        out.closeArchiveEntry();
    }

    /** Writes another name of a file that was written. */
    void link(String path, String first, Attributes attributes) throws IOException {
        begin(path, TarConstants.LF_LINK, attributes, first, 0, new ByteArrayOutputStream());
        out.closeArchiveEntry();
    }

    /** Writes an empty file that means something by its name. */
    void mark(String path) throws IOException {
        begin(path, TarConstants.LF_NORMAL, new Attributes(0, 0, Stat.S_IFREG, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "", 0,
                new ByteArrayOutputStream());
        out.closeArchiveEntry();
    }

    /** Writes a regular file. It may be changed meanwhile: as many bytes are written as it had at first, zeros for those it lost. */
    void putContent(String path, Inode file, Attributes attributes, OpenFile content) throws IOException, ErrnoException {
        long size = attributes.sizeBytes();
        List<long[]> pieces = pieces(content, size);
        ByteArrayOutputStream records = records(file, attributes);
        boolean isSparse = pieces.size() != 1 || pieces.getFirst()[1] != size;
        if (!isSparse || size == 0) {
            begin(path, TarConstants.LF_NORMAL, attributes, "", size, records);
            copy(content, 0, size);
            out.closeArchiveEntry();
            return;
        }
        byte[] map = map(pieces);
        long stored = map.length;
        for (long[] piece : pieces) {
            stored += piece[1];
        }
        PaxRecords.append(records, "GNU.sparse.major", bytes("1"));
        PaxRecords.append(records, "GNU.sparse.minor", bytes("0"));
        PaxRecords.append(records, "GNU.sparse.name", bytes(path));
        PaxRecords.append(records, "GNU.sparse.realsize", bytes(Long.toString(size)));
        begin(path, TarConstants.LF_NORMAL, attributes, "", stored, records);
        out.write(map, 0, map.length);
        for (long[] piece : pieces) {
            copy(content, piece[0], piece[1]);
        }
        out.closeArchiveEntry();
    }

    void finish() throws IOException {
        out.finish();
        out.flush();
    }

    // ---- headers

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static ByteArrayOutputStream records(Inode file, Attributes attributes) throws IOException {
        ByteArrayOutputStream records = new ByteArrayOutputStream();
        long modifyNs = attributes.modifyNs();
        if (modifyNs % NANOS != 0) {
            long whole = modifyNs / NANOS; // towards zero, so that the sign is before the digits
            PaxRecords.append(records, "mtime", bytes(String.format(Locale.ROOT, "%s%d.%09d", modifyNs < 0 ? "-" : "", Math.abs(whole),
                    Math.abs(modifyNs % NANOS))));
        }
        List<String> names;
        try {
            names = file.listXattrs();
        } catch (ErrnoException e) {
            return records; // it has none
        }
        for (String name : names) {
            if (!ArchiveReader.isPrivate(name)) {
                try {
                    PaxRecords.append(records, ArchiveReader.XATTR + name, file.getXattr(name));
                } catch (ErrnoException e) {
                    if (e.errno() != Errno.ENODATA && e.errno() != Errno.EOPNOTSUPP) {
                        throw new IOException("cannot read attribute " + name + ": " + e.errno().text(), e);
                    }
                }
            }
        }
        return records;
    }

    private void begin(String path, byte type, Attributes attributes, String link, long size, ByteArrayOutputStream records) throws IOException {
        if (path.length() > TarConstants.NAMELEN) {
            PaxRecords.append(records, "path", bytes(path));
        }
        if (link.length() > TarConstants.NAMELEN) {
            PaxRecords.append(records, "linkpath", bytes(link));
        }
        if (records.size() > 0) {
            byte[] block = records.toByteArray();
            TarArchiveEntry extended = new TarArchiveEntry("././@PaxHeader", TarConstants.LF_PAX_EXTENDED_HEADER_LC, true);
            extended.setSize(block.length);
            extended.setModTime(FileTime.fromMillis(0));
            out.putArchiveEntry(extended);
            out.write(block, 0, block.length);
            out.closeArchiveEntry();
        }
        // The library would make a directory of everything whose name ends with a slash.
        String shortened = path.length() <= TarConstants.NAMELEN ? path : path.substring(0, TarConstants.NAMELEN - 1) + (path.endsWith("/") ? "/" : "_");
        TarArchiveEntry entry = new TarArchiveEntry(shortened, type, true);
        entry.setLinkName(link.length() <= TarConstants.NAMELEN ? link : link.substring(0, TarConstants.NAMELEN));
        entry.setSize(size);
        entry.setMode(attributes.mode() & 07777);
        entry.setIds(0, 0);
        entry.setUserId(attributes.uid() & 0xffff_ffffL);
        entry.setGroupId(attributes.gid() & 0xffff_ffffL);
        entry.setUserName("");
        entry.setGroupName("");
        entry.setModTime(FileTime.from(Math.floorDiv(attributes.modifyNs(), NANOS), TimeUnit.SECONDS));
        entry.setDevMajor(DeviceNumbers.major(attributes.rawDevice()));
        entry.setDevMinor(DeviceNumbers.minor(attributes.rawDevice()));
        out.putArchiveEntry(entry);
    }

    // ---- content

    /** Where data are: offset and length of each piece; one piece of everything when there is no hole worth a map. */
    private static List<long[]> pieces(OpenFile content, long size) throws ErrnoException {
        List<long[]> pieces = new ArrayList<>();
        long holes = 0;
        long end = 0;
        while (end < size && pieces.size() < MOST_PIECES) {
            long data = extent(content, end, false, size);
            holes += data - end;
            if (data >= size) {
                end = size;
                break;
            }
            end = Math.max(data + 1, extent(content, data, true, size));
            pieces.add(new long[] {data, end - data});
        }
        if (holes < LEAST_HOLE_BYTES) {
            return List.of(new long[] {0, size});
        }
        if (end < size) {
            pieces.add(new long[] {end, size - end});
        }
        return pieces;
    }

    private static long extent(OpenFile content, long position, boolean hole, long size) throws ErrnoException {
        try {
            return Math.min(size, Math.max(position, content.seekExtent(position, hole)));
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENXIO) {
                return size;
            }
            throw e;
        }
    }

    /** In front of the data: how many pieces there are, and each one's offset and length, on lines, filled up to a whole record. */
    private static byte[] map(List<long[]> pieces) {
        StringBuilder text = new StringBuilder().append(pieces.size()).append('\n');
        for (long[] piece : pieces) {
            text.append(piece[0]).append('\n').append(piece[1]).append('\n');
        }
        text.setLength(text.length() + RECORD - 1 & -RECORD);
        return bytes(text.toString());
    }

    private void copy(OpenFile content, long start, long lengthBytes) throws IOException, ErrnoException {
        if (lengthBytes == 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            int most = (int) Math.min(BUFFER_BYTES, lengthBytes);
            MemorySegment memory = arena.allocate(most);
            byte[] buffer = new byte[most];
            boolean isAtEnd = false;
            for (long done = 0; done < lengthBytes;) {
                int step = (int) Math.min(most, lengthBytes - done);
                long got = isAtEnd ? 0 : content.read(IoBuffer.of(memory.asSlice(0, step)), start + done);
                isAtEnd = got <= 0;
                if (isAtEnd) {
                    memory.fill((byte) 0);
                    got = step;
                }
                MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, 0, buffer, 0, (int) got);
                out.write(buffer, 0, (int) got);
                done += got;
            }
        }
    }
}
