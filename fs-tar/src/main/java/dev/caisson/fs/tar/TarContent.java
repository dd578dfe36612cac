package dev.caisson.fs.tar;

import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.CachedContent;
import dev.caisson.memory.PageSource;
import java.lang.foreign.MemorySegment;

/** The cached pages of a file of an archive. */
final class TarContent extends CachedContent implements PageSource {
    private final TarFile file;

    TarContent(TarFile file) {
        super(file, file.archive().contents());
        this.file = file;
    }

    @Override
    protected PageSource source() {
        return this;
    }

    @Override
    protected void changed() {
        // Nobody changes it.
    }

    void closed() {
        isLastClosed();
    }

    @Override
    public long read(long offset, MemorySegment target) throws ErrnoException {
        long count = file.read(offset, target);
        target.asSlice(count).fill((byte) 0); // the frames are not new ones
        return count;
    }

    @Override
    public void write(long offset, MemorySegment source) throws ErrnoException {
        throw EROFS.error();
    }

    @Override
    public long sizeBytes() {
        return file.entry().sizeBytes();
    }
}
