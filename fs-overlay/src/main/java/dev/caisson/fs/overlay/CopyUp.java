package dev.caisson.fs.overlay;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Makes the upper file that replaces a lower one: type, data, owner, permissions, times and extended attributes. */
final class CopyUp {
    private static final int CHUNK_BYTES = 256 << 10;

    private CopyUp() {}

    /**
     * A finished copy without a name.
     *
     * @param inode the upper file
     * @param file keeps it until it has a name
     */
    record Copy(Inode inode, OpenFile file) {}

    /**
     * Makes an unnamed regular file with the content and the attributes of a lower one.
     *
     * @param directory of the upper layer
     * @param lower the lower file
     * @param sizeLimit copy no more bytes than this (the file is about to be truncated)
     * @return the copy
     */
    static Copy regularFile(Inode directory, Inode lower, long sizeLimit) throws ErrnoException {
        Attributes a = lower.attributes();
        Inode copy = directory.createUnnamed(new NewNode(Stat.S_IFREG | a.mode() & 0777, a.uid(), a.gid(), 0));
        OpenFile file = copy.open(Fcntl.O_RDWR);
        try {
            long size = Math.min(a.sizeBytes(), sizeLimit);
            if (size > 0) {
                copyData(lower, file, size);
                copy.change(new AttributeChange(AttributeChange.SIZE, 0, 0, 0, size, 0, 0, FileClock.nowNs()));
            }
            copyAttributes(lower, copy);
            return new Copy(copy, file);
        } catch (ErrnoException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Makes any other file under its name. */
    static Inode other(Inode directory, String name, Inode lower) throws ErrnoException {
        Attributes a = lower.attributes();
        NewNode node = new NewNode(a.mode(), a.uid(), a.gid(), a.rawDevice());
        if ((a.mode() & Stat.S_IFMT) == Stat.S_IFLNK) {
            return directory.symlink(name, lower.readLink(), node);
        }
        return directory.create(name, node);
    }

    private static void copyData(Inode from, OpenFile target, long size) throws ErrnoException {
        OpenFile source = from.open(Fcntl.O_RDONLY);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment chunk = arena.allocate(Math.min(CHUNK_BYTES, size));
            long position = 0;
            while (position < size) {
                try {
                    position = source.seekExtent(position, false);
                } catch (ErrnoException e) {
                    if (e.errno() == Errno.ENXIO) {
                        break; // only a hole is left
                    }
                    throw e;
                }
                if (position >= size) {
                    break;
                }
                long end = Math.min(size, source.seekExtent(position, true));
                position = copyExtent(source, target, chunk, position, end);
                if (position < end) {
                    break; // the lower file shrank
                }
            }
        } finally {
            source.close();
        }
    }

    private static long copyExtent(OpenFile source, OpenFile target, MemorySegment chunk, long start, long end)
            throws ErrnoException {
        long position = start;
        while (position < end) {
            MemorySegment part = chunk.asSlice(0, Math.min(chunk.byteSize(), end - position));
            long got = source.read(IoBuffer.of(part), position);
            if (got <= 0) {
                return position;
            }
            IoBuffer rest = IoBuffer.of(part.asSlice(0, got));
            while (rest.remaining() > 0) {
                long put = target.write(rest, position);
                if (put <= 0) {
                    throw Errno.EIO.error("the upper layer takes no data");
                }
                position += put;
            }
        }
        return position;
    }

    /** Gives an upper file what the lower one has besides data; the times come last, since everything else changes them. */
    static void copyAttributes(Inode lower, Inode upper) throws ErrnoException {
        if (lower == null) {
            return;
        }
        copyXattrs(lower, upper);
        Attributes a = lower.attributes();
        int fields = AttributeChange.UID | AttributeChange.GID | AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME;
        if ((a.mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            fields |= AttributeChange.MODE;
        }
        upper.change(new AttributeChange(fields, a.mode() & 07777, a.uid(), a.gid(), 0, a.accessNs(), a.modifyNs(),
                FileClock.nowNs()));
    }

    private static void copyXattrs(Inode lower, Inode upper) throws ErrnoException {
        java.util.List<String> names;
        try {
            names = lower.listXattrs();
        } catch (ErrnoException e) {
            return; // EOPNOTSUPP, or EPERM of the host: nothing that could be copied
        }
        for (String name : names) {
            if (name.startsWith(Marks.PRIVATE_PREFIX)) {
                continue;
            }
            try {
                upper.setXattr(name, lower.getXattr(name), 0);
            } catch (ErrnoException e) {
                if (e.errno() != Errno.EOPNOTSUPP && e.errno() != Errno.ENODATA && e.errno() != Errno.EPERM) {
                    throw e;
                }
            }
        }
    }
}
