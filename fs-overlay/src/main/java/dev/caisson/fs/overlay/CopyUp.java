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
import java.util.List;

/** Makes the upper file that replaces a lower one: type, data, owner, permissions, times and extended attributes. */
final class CopyUp {
    private static final int CHUNK_BYTES = 256 << 10;
    private static final String CAPABILITIES = "security.capability";

    private CopyUp() {}

    /**
     * A finished copy in the work directory.
     *
     * @param inode the upper file
     * @param name its name there
     * @param file keeps the content while it has no other name; null for what is no regular file
     */
    record Copy(Inode inode, String name, OpenFile file) {
        /** It is in its place, or nobody wants it. */
        void close() {
            if (file != null) {
                file.close();
            }
        }
    }

    /**
     * Makes a copy with the content and the attributes of a lower file, and the mark that says what it came from.
     *
     * @param overlay whose work directory takes the copy
     * @param lower the lower file
     * @param content the file that has its content; nearly always the same
     * @param sizeLimit copy no more bytes than this (the file is about to be truncated)
     * @return the copy
     */
    static Copy of(OverlayFileSystem overlay, Inode lower, Inode content, long sizeLimit) throws ErrnoException {
        WorkArea work = overlay.work();
        Attributes a = lower.attributes();
        String name = work.newName();
        int type = a.mode() & Stat.S_IFMT;
        NewNode node = new NewNode(type == Stat.S_IFREG ? Stat.S_IFREG | 0600 : a.mode(), a.uid(), a.gid(), a.rawDevice());
        Inode copy = type == Stat.S_IFLNK ? work.directory().symlink(name, lower.readLink(), node) : work.directory().create(name, node);
        OpenFile file = null;
        try {
            if (type == Stat.S_IFREG) {
                file = copy.open(Fcntl.O_RDWR);
                copyContent(content, copy, file, Math.min(a.sizeBytes(), sizeLimit));
            }
            copyAttributes(overlay.marks(), lower, copy);
            overlay.mark(copy, lower);
            if (file != null && overlay.syncsCopies()) {
                file.sync(false);
            }
            return new Copy(copy, name, file);
        } catch (ErrnoException | RuntimeException e) {
            if (file != null) {
                file.close();
            }
            work.discard(name, copy);
            throw e;
        }
    }

    /**
     * Gives a copy that overlayfs has made without content its content. All of it, whatever is to become of it: until the mark is gone, the
     * content is that of the lower file, and a crash must not change it.
     *
     * @param overlay whose marks these are
     * @param copy the upper file
     * @param content the lower file that has the content
     * @return the upper file, open, which may have to be kept
     */
    static OpenFile complete(OverlayFileSystem overlay, Inode copy, Inode content) throws ErrnoException {
        Attributes before = copy.attributes();
        byte[] capabilities = Marks.read(copy, CAPABILITIES); // which the host takes away from what is written
        OpenFile file = copy.open(Fcntl.O_RDWR);
        try {
            copyContent(content, copy, file, before.sizeBytes());
            if (capabilities != null) {
                copy.setXattr(CAPABILITIES, capabilities, 0);
            }
            copy.change(new AttributeChange(AttributeChange.MODE | AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME,
                    before.mode() & 07777, 0, 0, 0, before.accessNs(), before.modifyNs(), FileClock.nowNs()));
            if (overlay.syncsCopies()) {
                file.sync(false);
            }
            overlay.marks().hasData(copy);
            return file;
        } catch (ErrnoException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static void copyContent(Inode from, Inode copy, OpenFile file, long size) throws ErrnoException {
        if (size > 0) {
            copyData(from, file, size);
            if (file.sizeBytes() != size) { // it ends with a hole
                copy.change(new AttributeChange(AttributeChange.SIZE, 0, 0, 0, size, 0, 0, FileClock.nowNs()));
            }
        }
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
    static void copyAttributes(Marks marks, Inode lower, Inode upper) throws ErrnoException {
        copyXattrs(marks, lower, upper);
        Attributes a = lower.attributes();
        int fields = AttributeChange.UID | AttributeChange.GID | AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME;
        if ((a.mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            fields |= AttributeChange.MODE;
        }
        upper.change(new AttributeChange(fields, a.mode() & 07777, a.uid(), a.gid(), 0, a.accessNs(), a.modifyNs(),
                FileClock.nowNs()));
    }

    private static void copyXattrs(Marks marks, Inode lower, Inode upper) throws ErrnoException {
        List<String> names;
        try {
            names = lower.listXattrs();
        } catch (ErrnoException e) {
            return; // EOPNOTSUPP, or EPERM of the host: nothing that could be copied
        }
        for (String name : names) {
            if (marks.visible(name) == null) {
                continue; // says something of the lower layer
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
