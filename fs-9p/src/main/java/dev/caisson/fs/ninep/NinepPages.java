package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.PageSource;
import java.lang.foreign.MemorySegment;

/** The pages of a file of the server, for its page cache. */
final class NinepPages implements PageSource {
    private final NinepInode inode;

    NinepPages(NinepInode inode) {
        this.inode = inode;
    }

    @Override
    public long read(long offset, MemorySegment target) throws ErrnoException {
        long done = 0;
        while (done < target.byteSize()) {
            long count = inode.content().read(target.asSlice(done), offset + done);
            if (count == 0) {
                break;
            }
            done += count;
        }
        inode.ninep().writeBack().filled(target.byteSize());
        if (done < target.byteSize()) {
            target.asSlice(done).fill((byte) 0); // the frames are not new ones
        }
        return done;
    }

    @Override
    public void write(long offset, MemorySegment source) throws ErrnoException {
        try {
            long done = 0;
            while (done < source.byteSize()) {
                done += inode.content().write(source.asSlice(done), offset + done);
            }
        } finally {
            inode.changed();
        }
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return inode.attributes().sizeBytes();
    }

    @Override
    public void dirtied() {
        inode.content().touched();
    }
}
