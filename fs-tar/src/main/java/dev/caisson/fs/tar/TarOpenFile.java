package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.PageCache;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;

/** A regular file of an archive that was opened. */
final class TarOpenFile extends OpenFile {
    private final TarFile file;

    TarOpenFile(TarFile file) {
        this.file = file;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        PageCache pages = file.content().pages();
        if (pages != null) {
            return pages.read(target, position);
        }
        long got = target.transfer(Long.MAX_VALUE, (run, bytes, done) -> file.read(position + done, run.asSlice(0, bytes)));
        file.content().wasRead(got);
        return got;
    }

    @Override
    public long sizeBytes() {
        return file.entry().sizeBytes();
    }

    @Override
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        Extents extents = file.entry().extents();
        if (extents == null) {
            return super.seekExtent(position, hole);
        }
        if (position >= sizeBytes()) {
            throw ENXIO.error();
        }
        if (hole) {
            return extents.dataEnd(position);
        }
        long data = extents.dataFrom(position);
        if (data == Long.MAX_VALUE) {
            throw ENXIO.error();
        }
        return data;
    }

    @Override
    public void sync(boolean dataOnly) {}

    @Override
    public Mappable mappable() throws ErrnoException {
        return file.content().makePages();
    }

    @Override
    public void close() {
        file.content().closed();
    }
}
