package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.MemorySegment;

/** A regular file of an archive. */
final class TarFile extends TarInode {
    private volatile TarContent content;

    TarFile(TarFileSystem fileSystem, long number, TarEntry entry) {
        super(fileSystem, number, entry);
    }

    /** {@return its open files and pages; most files of an archive are never read, and have none} */
    TarContent content() {
        TarContent known = content;
        if (known == null) {
            synchronized (this) {
                known = content;
                if (known == null) {
                    known = new TarContent(this);
                    content = known;
                }
            }
        }
        return known;
    }

    /**
     * Reads content.
     *
     * @param position where from, not negative
     * @param target native memory
     * @return bytes read, as many as wanted unless the file ends before
     * @throws ErrnoException EIO when the archive has become shorter
     */
    long read(long position, MemorySegment target) throws ErrnoException {
        TarEntry entry = entry();
        long length = Math.min(target.byteSize(), entry.sizeBytes() - position);
        if (length <= 0) {
            return 0;
        }
        Extents extents = entry.extents();
        if (extents == null) {
            archive().file().read(entry.dataOffset() + position, target.asSlice(0, length));
            return length;
        }
        long done = 0;
        while (done < length) {
            long at = position + done;
            long data = extents.dataFrom(at);
            long step = Math.min(length - done, data == at ? extents.run(at) : data - at);
            MemorySegment part = target.asSlice(done, step);
            if (data == at) {
                archive().file().read(entry.dataOffset() + extents.storedAt(at), part);
            } else {
                part.fill((byte) 0);
            }
            done += step;
        }
        return length;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        if ((flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY) {
            throw EROFS.error();
        }
        content().opened(false);
        return new TarOpenFile(this);
    }
}
