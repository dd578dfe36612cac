package dev.caisson.fs.tar;

import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DeviceNumbers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveStructSparse;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.archivers.tar.TarUtils;
import org.apache.commons.compress.archivers.zip.ZipEncoding;
import org.apache.commons.compress.archivers.zip.ZipEncodingHelper;

/**
 * Goes through the headers of an archive: ustar, pax, and GNU's and star's extensions. Every size is checked against the file's before
 * anything is done with it.
 */
final class ArchiveReader {
    /** Extended attributes, as star introduced them. */
    static final String XATTR = "SCHILY.xattr.";

    private static final int RECORD = TarConstants.DEFAULT_RCDSIZE;
    private static final int WINDOW_BYTES = 64 << 10;
    /** Larger headers are nobody's: 64 KiB for each extended attribute, and long maps of holes. */
    private static final int MOST_HEADER_BYTES = 16 << 20;
    private static final int MOST_NAME_BYTES = 64 << 10;
    /** Attributes that an overlay would follow; an image has no business with them. */
    private static final String[] PRIVATE = {"trusted.overlay.", "user.overlay."};
    /** In the extension blocks of GNU's old sparse format: 21 pieces of 24 bytes, and whether another block follows. */
    private static final int SPARSE_PIECES = 21, SPARSE_BYTES = 24, SPARSE_MORE = 504;

    private final ArchiveFile file;
    private final ZipEncoding bytes = ZipEncodingHelper.getZipEncoding(StandardCharsets.ISO_8859_1);
    private final byte[] window = new byte[WINDOW_BYTES];
    private long windowStart;
    private int windowBytes;
    private long position;
    private final PaxRecords global = new PaxRecords();
    private PaxRecords records = new PaxRecords();
    private String longName;
    private String longLink;

    ArchiveReader(ArchiveFile file) {
        this.file = file;
    }

    /**
     * Reads up to the next file.
     *
     * @return what it says, or null at the end of the archive
     * @throws IOException when the archive is not in order; the message goes on "FILE ..."
     */
    TarEntry next() throws IOException {
        while (true) {
            byte[] block = header();
            if (block == null) {
                return null;
            }
            TarArchiveEntry header = parse(block);
            long size = header.getSize();
            switch (header.getLinkFlag()) {
                case TarConstants.LF_PAX_EXTENDED_HEADER_LC, TarConstants.LF_PAX_EXTENDED_HEADER_UC -> records.add(data(size, MOST_HEADER_BYTES));
                case TarConstants.LF_PAX_GLOBAL_EXTENDED_HEADER -> global.add(data(size, MOST_HEADER_BYTES));
                case TarConstants.LF_GNUTYPE_LONGNAME -> longName = text(data(size, MOST_NAME_BYTES));
                case TarConstants.LF_GNUTYPE_LONGLINK -> longLink = text(data(size, MOST_NAME_BYTES));
                case 'V' -> skip(size); // the archive's label
                default -> {
                    try {
                        return entry(header, block);
                    } finally {
                        records = new PaxRecords();
                        longName = null;
                        longLink = null;
                    }
                }
            }
        }
    }

    // ---- blocks

    /** The next header block; null at the end: a block of zeros, or the file's. */
    private byte[] header() throws IOException {
        if (position >= file.sizeBytes()) {
            return null;
        }
        if (file.sizeBytes() - position < RECORD) {
            throw new IOException("ends in the middle of a header");
        }
        byte[] block = block();
        for (byte b : block) {
            if (b != 0) {
                return block;
            }
        }
        return null;
    }

    private byte[] block() throws IOException {
        if (position < windowStart || position + RECORD > windowStart + windowBytes) {
            windowStart = position;
            windowBytes = (int) Math.min(WINDOW_BYTES, file.sizeBytes() - position);
            file.read(windowStart, window, 0, windowBytes);
        }
        byte[] block = new byte[RECORD];
        int at = (int) (position - windowStart);
        if (at + RECORD > windowBytes) {
            throw new IOException("ends in the middle of a header");
        }
        System.arraycopy(window, at, block, 0, RECORD);
        position += RECORD;
        return block;
    }

    private TarArchiveEntry parse(byte[] block) throws IOException {
        if (!isChecked(block)) {
            throw new IOException("is no tar archive: no header at byte " + (position - RECORD));
        }
        try {
            return new TarArchiveEntry(block, bytes, false);
        } catch (IllegalArgumentException e) {
            throw new IOException("has a header that is not in order at byte " + (position - RECORD), e);
        }
    }

    private static boolean isChecked(byte[] block) {
        try {
            return TarUtils.verifyCheckSum(block);
        } catch (IllegalArgumentException e) {
            return false; // its place holds no number
        }
    }

    /** Checks that data of a size can be here, and steps over them. */
    private void skip(long size) throws IOException {
        if (size < 0 || size > file.sizeBytes() - position) {
            throw new IOException("is truncated, or lies about a size: " + size + " bytes at byte " + position);
        }
        // What fills the last block up may be missing.
        position = Math.min(file.sizeBytes(), position + (size + RECORD - 1 & -RECORD));
    }

    private byte[] data(long size, int most) throws IOException {
        if (size > most) {
            throw new IOException("has a header of " + size + " bytes; the most is " + most);
        }
        long start = position;
        skip(size);
        byte[] data = new byte[(int) size];
        file.read(start, data, 0, data.length);
        return data;
    }

    /** Bytes up to the first zero. */
    private static String text(byte[] data) {
        int end = 0;
        while (end < data.length && data[end] != 0) {
            end++;
        }
        return new String(data, 0, end, StandardCharsets.ISO_8859_1);
    }

    // ---- files

    private TarEntry entry(TarArchiveEntry header, byte[] block) throws IOException {
        records.addDefaults(global);
        String name = name(header);
        int type = type(header, name);
        boolean isRegular = type == Stat.S_IFREG;
        // Only regular files have data, whatever the size of others says; so every tar reads it.
        long stored = isRegular ? records.number("size", header.getSize()) : 0;
        long size = stored;
        long[] map = isRegular ? records.sparseMap() : null;
        if (isRegular && header.getLinkFlag() == TarConstants.LF_GNUTYPE_SPARSE) {
            map = oldSparseMap(header);
            size = header.getRealSize();
        }
        long start = position;
        skip(stored);
        if (isRegular && "1".equals(records.text("GNU.sparse.major"))) {
            map = storedMap(start, stored);
            start += mapBytes;
            stored -= mapBytes;
        }
        Extents extents = null;
        if (map != null) {
            size = records.number("GNU.sparse.realsize", records.number("GNU.sparse.size", size));
            extents = new Extents(map, map.length, size, stored);
        }
        if (size < 0) {
            throw new IOException("lies about a size: " + size + " bytes");
        }
        long modifyNs = records.timeNs("mtime", PaxRecords.nanoseconds(header.getLastModifiedTime().toInstant().getEpochSecond(), 0));
        String link = longLink != null ? longLink : header.getLinkName();
        String paxLink = records.text("linkpath");
        long device = type == Stat.S_IFCHR || type == Stat.S_IFBLK ? DeviceNumbers.of(header.getDevMajor(), header.getDevMinor()) : 0;
        return new TarEntry(name, type | header.getMode() & 07777, owner("uid", header.getLongUserId()), owner("gid", header.getLongGroupId()),
                size, start, extents, modifyNs, records.timeNs("atime", modifyNs), records.timeNs("ctime", modifyNs),
                paxLink != null ? paxLink : link, device, xattrs());
    }

    private String name(TarArchiveEntry header) {
        String sparse = records.text("GNU.sparse.name");
        String pax = records.text("path");
        return sparse != null ? sparse : pax != null ? pax : longName != null ? longName : header.getName();
    }

    private static int type(TarArchiveEntry header, String name) throws IOException {
        return switch (header.getLinkFlag()) {
            case TarConstants.LF_OLDNORM, TarConstants.LF_NORMAL, TarConstants.LF_CONTIG, TarConstants.LF_GNUTYPE_SPARSE ->
                    name.endsWith("/") ? Stat.S_IFDIR : Stat.S_IFREG; // before POSIX the slash alone told directories
            case TarConstants.LF_LINK -> 0;
            case TarConstants.LF_SYMLINK -> Stat.S_IFLNK;
            case TarConstants.LF_CHR -> Stat.S_IFCHR;
            case TarConstants.LF_BLK -> Stat.S_IFBLK;
            case TarConstants.LF_DIR -> Stat.S_IFDIR;
            case TarConstants.LF_FIFO -> Stat.S_IFIFO;
            default -> throw new IOException("has " + name + " of the unknown type " + (header.getLinkFlag() & 0xff));
        };
    }

    private int owner(String keyword, long inHeader) throws IOException {
        long id = records.number(keyword, inHeader);
        if (id < 0 || id > 0xffff_fffeL) {
            throw new IOException("has a " + keyword + " that nobody can have: " + id);
        }
        return (int) id;
    }

    private Map<String, byte[]> xattrs() {
        Map<String, byte[]> found = null;
        for (Map.Entry<String, byte[]> value : records.values().entrySet()) {
            if (value.getKey().startsWith(XATTR)) {
                String name = value.getKey().substring(XATTR.length());
                if (!isPrivate(name)) {
                    found = found == null ? new HashMap<>() : found;
                    found.put(name, value.getValue());
                }
            }
        }
        return found == null ? Map.of() : found;
    }

    static boolean isPrivate(String name) {
        for (String prefix : PRIVATE) {
            if (name.startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }

    // ---- holes

    private long[] oldSparseMap(TarArchiveEntry header) throws IOException {
        LongList map = new LongList();
        for (TarArchiveStructSparse piece : header.getSparseHeaders()) {
            map.addPiece(piece);
        }
        boolean isMore = header.isExtended();
        while (isMore) {
            if (file.sizeBytes() - position < RECORD) {
                throw new IOException("ends in the middle of a header");
            }
            byte[] block = block();
            try {
                for (int i = 0; i < SPARSE_PIECES; i++) {
                    map.addPiece(TarUtils.parseSparse(block, i * SPARSE_BYTES));
                }
                isMore = TarUtils.parseBoolean(block, SPARSE_MORE);
            } catch (IllegalArgumentException e) {
                throw new IOException("has a map of holes that cannot be", e);
            }
        }
        return map.toArray();
    }

    /** Bytes that the last {@link #storedMap} took. */
    private long mapBytes;

    /** The map of version 1.0 of GNU's sparse format, in front of the data: decimal numbers on lines, first how many pieces there are. */
    private long[] storedMap(long start, long storedBytes) throws IOException {
        LongList map = new LongList();
        byte[] piece = new byte[RECORD];
        long wanted = -1;
        StringBuilder digits = new StringBuilder();
        mapBytes = 0;
        while (wanted != 0) {
            if (storedBytes - mapBytes < RECORD || mapBytes > MOST_HEADER_BYTES) {
                throw new IOException("has a map of holes without an end");
            }
            file.read(start + mapBytes, piece, 0, RECORD);
            mapBytes += RECORD;
            for (int i = 0; i < RECORD && wanted != 0; i++) {
                if (piece[i] != '\n') {
                    digits.append((char) (piece[i] & 0xff));
                    continue;
                }
                long number = PaxRecords.number(digits.toString());
                digits.setLength(0);
                if (wanted < 0) {
                    if (number > MOST_HEADER_BYTES) {
                        throw new IOException("has a map of holes that cannot be");
                    }
                    wanted = 2 * number;
                } else {
                    map.add(number);
                    wanted--;
                }
            }
        }
        return map.toArray();
    }

    /** Numbers in a growing array. */
    private static final class LongList {
        private long[] values = new long[16];
        private int count;

        void add(long value) {
            if (count == values.length) {
                values = Arrays.copyOf(values, 2 * count);
            }
            values[count++] = value;
        }

        void addPiece(TarArchiveStructSparse piece) {
            if (piece.getOffset() != 0 || piece.getNumbytes() != 0) { // unused places of a block are zeros
                add(piece.getOffset());
                add(piece.getNumbytes());
            }
        }

        long[] toArray() {
            return Arrays.copyOf(values, count);
        }
    }
}
