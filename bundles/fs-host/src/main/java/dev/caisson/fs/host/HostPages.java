package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.memory.PageSource;
import java.lang.foreign.MemorySegment;

/** The pages of a host file, for its page cache. */
final class HostPages implements PageSource {
    private final HostInode inode;

    HostPages(HostInode inode) {
        this.inode = inode;
    }

    @Override
    public long read(long offset, MemorySegment target) throws ErrnoException {
        HandleCache.Handle open = inode.content().handle(false);
        try {
            long done = 0;
            while (done < target.byteSize()) {
                long got = Errno.check(HostFile.pread(open.fd, target.address() + done, target.byteSize() - done, offset + done));
                if (got == 0) {
                    break;
                }
                done += got;
            }
            return done;
        } finally {
            inode.host().handles().release(open);
        }
    }

    @Override
    public void write(long offset, MemorySegment source) throws ErrnoException {
        HandleCache.Handle open = inode.content().handle(true);
        try {
            long done = 0;
            while (done < source.byteSize()) {
                done += Errno.check(inode.content().store(open.fd, source.address() + done, source.byteSize() - done, offset + done));
            }
        } finally {
            inode.host().handles().release(open);
            inode.changed();
        }
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        HandleCache.Handle open = inode.content().handle(false);
        try {
            return Errno.check(HostFile.size(open.fd));
        } finally {
            inode.host().handles().release(open);
        }
    }

    @Override
    public void dirtied() {
        inode.host().agedPages().touched(inode.content());
    }
}
