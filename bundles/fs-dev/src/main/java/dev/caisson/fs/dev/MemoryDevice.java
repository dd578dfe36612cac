package dev.caisson.fs.dev;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostSystem;
import dev.caisson.kernel.Task;
import dev.caisson.memory.AnonymousMemory;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The devices of mem(4), null(4), full(4) and random(4). */
final class MemoryDevice extends OpenFile {
    /** Which device. */
    enum Kind {
        NULL, ZERO, FULL, RANDOM, URANDOM
    }

    /** More at once only delays signals. */
    private static final long MOST_RANDOM = 64 << 10;
    /** A mapping of /dev/zero may be of any length. */
    private static final long ZERO_BYTES = 1L << 46;

    private static final int POOL_BITS = 256;
    private static final int RNDGETENTCNT = 0x80045200;
    private static final int RNDADDTOENTCNT = 0x40045201;
    private static final int RNDADDENTROPY = 0x40085203;
    private static final int RNDZAPENTCNT = 0x5204;
    private static final int RNDCLEARPOOL = 0x5206;
    private static final int RNDRESEEDCRNG = 0x5207;

    /** Nothing is ever announced here: random numbers are always ready, but may be waited for. */
    private static final WaitQueue SILENT = new WaitQueue();

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
        if (isRandom()) {
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

    private boolean isRandom() {
        return kind == Kind.RANDOM || kind == Kind.URANDOM;
    }

    /** random(4): the pool is full, and takes what it is given for granted. */
    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (!isRandom()) {
            return super.ioctl(memory, command, argument);
        }
        if (command == RNDGETENTCNT) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment count = arena.allocate(4);
                count.set(Layouts.U32, 0, POOL_BITS);
                memory.copyOut(argument, count);
            }
            return 0;
        }
        if (command != RNDADDTOENTCNT && command != RNDADDENTROPY && command != RNDZAPENTCNT && command != RNDCLEARPOOL
                && command != RNDRESEEDCRNG) {
            throw Errno.EINVAL.error();
        }
        Task task = Task.current();
        if (task == null || !task.credentials().has(Capability.CAP_SYS_ADMIN)) {
            throw Errno.EPERM.error();
        }
        return 0;
    }

    @Override
    public WaitQueue waitQueue() {
        return kind == Kind.RANDOM ? SILENT : null;
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
