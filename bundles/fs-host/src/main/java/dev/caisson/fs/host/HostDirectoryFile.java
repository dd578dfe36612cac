package dev.caisson.fs.host;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    private static final ConcurrentLinkedQueue<MemorySegment> POOL = new ConcurrentLinkedQueue<>();

    private final HostDirectory directory;
    private int fd = -1;
    private MemorySegment buffer;
    private long filled;
    private long at;
    /** The position of the entry at {@link #at}. */
    private long atPosition;

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
            MemorySegment pooled = POOL.poll();
            buffer = pooled != null ? pooled : Arena.ofAuto().allocate(BUFFER_BYTES, 8);
        }
        long at = dots(position, sink);
        if (at < FIRST) {
            return at;
        }
        return readHost(position == at ? at : FIRST, position < FIRST, sink);
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
        if (fromStart || position != atPosition) {
            Errno.check(HostFile.seek(fd, position - FIRST, Fcntl.SEEK_SET));
            filled = 0;
            at = 0;
            atPosition = position;
        }
        while (true) {
            if (at >= filled) {
                filled = Errno.check(HostFile.directoryEntries(fd, buffer.address(), BUFFER_BYTES));
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

    private boolean deliver(DirectorySink sink) throws ErrnoException {
        long hostNext = buffer.get(U64, at + 8);
        long next = hostNext > Long.MAX_VALUE - FIRST ? Long.MAX_VALUE : hostNext + FIRST; // ext4 ends at the largest number
        int length = buffer.get(U16, at + 16) & 0xffff;
        int type = buffer.get(U8, at + 18) & 0xff;
        int nameLength = 0;
        while (buffer.get(U8, at + 19 + nameLength) != 0) {
            nameLength++;
        }
        byte[] bytes = new byte[nameLength];
        MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, at + 19, bytes, 0, nameLength);
        String name = new String(bytes, StandardCharsets.ISO_8859_1);
        long inode = directory.device().number(buffer.get(U64, at));
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
