package dev.caisson.fs.dev;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostSystem;
import dev.caisson.memory.AnonymousMemory;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;

/** The devices of mem(4), null(4), full(4) and random(4). */
final class MemoryDevice extends OpenFile {
    /** Which device. */
    enum Kind {
        NULL, ZERO, FULL, RANDOM
    }

    /** More at once only delays signals. */
    private static final long MOST_RANDOM = 64 << 10;
    /** A mapping of /dev/zero may be of any length. */
    private static final long ZERO_BYTES = 1L << 46;

    private final Kind kind;
    private final MemoryFile memory;

    MemoryDevice(Kind kind, MemoryFile memory) {
        this.kind = kind;
        this.memory = memory;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (kind == Kind.NULL) {
            return 0;
        }
        if (kind == Kind.RANDOM) {
            return target.transfer(MOST_RANDOM, (run, bytes, done) -> HostSystem.random(run.address(), bytes, 0));
        }
        return target.transfer(Long.MAX_VALUE, (run, bytes, done) -> {
            run.fill((byte) 0);
            return bytes;
        });
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        if (kind == Kind.FULL) {
            throw Errno.ENOSPC.error();
        }
        return source.remaining(); // swallowed unseen, as Linux's write_null does: a bad pointer goes unnoticed
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        write(source, 0);
        return 0;
    }

    @Override
    public long sizeBytes() {
        return 0;
    }

    @Override
    public long seek(long position) {
        return 0;
    }

    @Override
    public Mappable mappable() throws ErrnoException {
        if (kind != Kind.ZERO) {
            throw Errno.ENODEV.error();
        }
        return new AnonymousMemory(memory, ZERO_BYTES); // each mapping gets memory of its own, as in Linux
    }
}
