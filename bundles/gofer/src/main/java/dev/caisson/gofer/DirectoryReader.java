package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Reads an open directory from any offset: the host's own offsets, which stay good while entries come and go. */
final class DirectoryReader {
    /** struct linux_dirent64: {@code d_ino[8] d_off[8] d_reclen[2] d_type[1] d_name}. */
    private static final int OFFSET = 8, LENGTH = 16, TYPE = 18, NAME = 19;
    private static final int SEEK_SET = 0;

    /** Takes entries. */
    interface Sink {
        /**
         * An entry.
         *
         * @param name its name
         * @param inode number of the file
         * @param next offset behind the entry
         * @param type {@code DT_*}
         * @return whether there was room for it
         */
        boolean take(String name, long inode, long next, int type) throws ErrnoException;
    }

    private final int fd;
    /** Where the host stands, or -1. Guarded by this. */
    private long position = -1;

    DirectoryReader(int fd) {
        this.fd = fd;
    }

    /**
     * Tells entries until the sink has enough or the buffer is told.
     *
     * @param offset 0, or what was told with an entry
     * @param buffer for the host's entries
     * @param bytes how much of it is used
     * @param sink takes them
     * @return whether the directory ended
     * @throws ErrnoException of lseek(2), getdents64(2), or the sink
     */
    synchronized boolean read(long offset, MemorySegment buffer, int bytes, Sink sink) throws ErrnoException {
        if (offset != position) {
            Errno.check(HostFile.seek(fd, offset, SEEK_SET));
        }
        position = -1;
        long count = Errno.check(HostFile.directoryEntries(fd, buffer.address(), bytes));
        long end = offset;
        int length;
        for (long at = 0; at < count; at += length) {
            length = buffer.get(Layouts.U16, at + LENGTH) & 0xffff;
            if (length <= NAME || length > count - at) {
                throw Errno.EIO.error("no entry of a directory");
            }
            long next = buffer.get(Layouts.U64, at + OFFSET);
            String name = buffer.getString(at + NAME, StandardCharsets.ISO_8859_1);
            if (!sink.take(name, buffer.get(Layouts.U64, at), next, buffer.get(Layouts.U8, at + TYPE))) {
                return false; // the host stands behind entries that were not told
            }
            end = next;
        }
        position = end;
        return count == 0;
    }
}
