package dev.caisson.fs.host;


import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostBytes;
import dev.caisson.host.HostFile;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * An open directory of the host. Position 0 is ".", 1 is ".."; behind them positions are the host's own ({@code d_off}) plus 2, so they are
 * as stable as the host makes them.
 *
 * <p>{@code struct linux_dirent64}: 0 d_ino[8], 8 d_off[8], 16 d_reclen[2], 18 d_type[1], 19 d_name, zero-terminated.
 */
final class HostDirectoryFile extends OpenFile {
    private static final int BUFFER_BYTES = 32 << 10;
    private static final long FIRST = 2;
    private static final int POOLED = 8;
    private static final ConcurrentLinkedQueue<Buffer> POOL = new ConcurrentLinkedQueue<>();

    /** Where the host writes entries, and the copy of them that is read: the bytes of an array cost less than those of native memory. */
    private static final class Buffer {
        private final MemorySegment memory = Arena.ofAuto().allocate(BUFFER_BYTES, 8);
        private final long address = memory.address();
        private final byte[] bytes = new byte[BUFFER_BYTES];
    }

    private final HostDirectory directory;
    private int fd = -1;
    private Buffer buffer;
    private int filled;
    private int at;
    /** The position of the entry at {@link #at}. */
    private long atPosition;
    /** Nothing was read or sought since the host opened it. */
    private boolean isAtStart;

    HostDirectoryFile(HostDirectory directory) {
        this.directory = directory;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        throw Errno.EISDIR.error();
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return directory.attributes().sizeBytes();
    }

    @Override
    public synchronized long readDirectory(long position, DirectorySink sink) throws ErrnoException {
        if (directory.device().isHidden()) {
            return dots(position, sink);
        }
        if (fd < 0) {
            fd = directory.openForReading();
            Buffer pooled = POOL.poll();
            buffer = pooled != null ? pooled : new Buffer();
            filled = 0;
            at = 0;
            atPosition = FIRST;
            isAtStart = true;
        }
        long next = dots(position, sink);
        if (next < FIRST) {
            return next;
        }
        return readHost(position == next ? next : FIRST, position < FIRST, sink);
    }

    /** Gives "." and ".." from positions 0 and 1; the result is less than FIRST when there was no room. */
    private long dots(long position, DirectorySink sink) {
        int type = Stat.S_IFDIR >>> 12;
        long next = position;
        if (next == 0 && sink.entry(".", directory.number(), type, 1)) {
            next = 1;
        }
        HostDirectory parent = directory.parent();
        // What is above the root is not to be told.
        if (next == 1 && sink.entry("..", parent == null ? directory.number() : parent.number(), type, FIRST)) {
            next = FIRST;
        }
        return next;
    }

    private long readHost(long position, boolean fromStart, DirectorySink sink) throws ErrnoException {
        boolean isThere = isAtStart && position == FIRST;
        isAtStart = false;
        if (!isThere && (fromStart || position != atPosition)) {
            Errno.check(HostFile.seek(fd, position - FIRST, Fcntl.SEEK_SET));
            filled = 0;
            at = 0;
            atPosition = position;
        }
        while (true) {
            if (at >= filled) {
                filled = (int) Errno.check(HostFile.directoryEntries(fd, buffer.address, BUFFER_BYTES));
                HostBytes.read(buffer.address, buffer.bytes, 0, filled);
                at = 0;
                if (filled == 0) {
                    return atPosition;
                }
            }
            if (!deliver(sink)) {
                return atPosition;
            }
        }
    }

    private static long word(byte[] bytes, int at) {
        long word = 0;
        for (int i = Long.BYTES - 1; i >= 0; i--) {
            word = word << 8 | bytes[at + i] & 0xff;
        }
        return word;
    }

    private boolean deliver(DirectorySink sink) throws ErrnoException {
        byte[] bytes = buffer.bytes;
        long hostNext = word(bytes, at + 8);
        long next = hostNext > Long.MAX_VALUE - FIRST ? Long.MAX_VALUE : hostNext + FIRST; // ext4 ends at the largest number
        int length = bytes[at + 16] & 0xff | (bytes[at + 17] & 0xff) << 8;
        int type = bytes[at + 18] & 0xff;
        int nameStart = at + 19;
        int nameEnd = nameStart;
        while (bytes[nameEnd] != 0) {
            nameEnd++;
        }
        String name = new String(bytes, nameStart, nameEnd - nameStart, StandardCharsets.ISO_8859_1);
        long inode = directory.device().number(word(bytes, at));
        if (type == 0) {
            HostStatus status = HostStatus.find(fd, name);
            type = status == null ? 0 : (status.mode() & Stat.S_IFMT) >>> 12;
        }
        boolean isDots = name.equals(".") || name.equals("..");
        if (!isDots && !sink.entry(name, inode, type, next)) {
            return false;
        }
        at += length;
        atPosition = next;
        return true;
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        if (directory.host().isReadOnly()) {
            return;
        }
        int own = directory.openForReading();
        try {
            Errno.check(HostFile.sync(own));
        } finally {
            HostFile.close(own);
        }
    }

    @Override
    public synchronized void close() {
        if (fd >= 0) {
            HostFile.close(fd);
            fd = -1;
            if (POOL.size() < POOLED) {
                POOL.offer(buffer);
            }
            buffer = null;
        }
    }
}
