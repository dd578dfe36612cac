package dev.caisson.kernel.pipe;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An open end of a pipe, or of a FIFO that was opened for both. */
public final class PipeFile extends OpenFile {
    private static final int NEVER = -1;

    private final Pipe pipe;
    private final boolean reads;
    private final boolean writes;
    private final int writersSeen;
    private volatile boolean packetMode;

    /**
     * Opens an end; {@link #close} closes it.
     *
     * @param pipe the pipe
     * @param flags O_RDONLY, O_WRONLY or O_RDWR, and O_DIRECT
     */
    public PipeFile(Pipe pipe, int flags) {
        this(pipe, flags, NEVER);
    }

    PipeFile(Pipe pipe, int flags, int writersSeen) {
        int access = flags & Fcntl.O_ACCMODE;
        this.pipe = pipe;
        this.reads = access != Fcntl.O_WRONLY;
        this.writes = access != Fcntl.O_RDONLY;
        this.writersSeen = writersSeen;
        this.packetMode = (flags & Fcntl.O_DIRECT) != 0;
        pipe.opened(reads, writes);
    }

    /** {@return the pipe behind it} */
    public Pipe pipe() {
        return pipe;
    }

    /** {@return whether it can be read} */
    public boolean reads() {
        return reads;
    }

    /** {@return whether it can be written} */
    public boolean writes() {
        return writes;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (!reads) {
            throw EBADF.error();
        }
        return pipe.read(target);
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        if (!writes) {
            throw EBADF.error();
        }
        return pipe.write(source, packetMode);
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command != Terminal.FIONREAD) {
            return super.ioctl(memory, command, argument);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(4);
            count.set(U32, 0, pipe.available());
            memory.copyOut(argument, count);
        }
        return 0;
    }

    @Override
    public void statusChanged(int flags) {
        packetMode = (flags & Fcntl.O_DIRECT) != 0;
    }

    @Override
    public int readiness(int mask) {
        return pipe.readiness(reads, writes, writersSeen) & (mask | 0x18);
    }

    @Override
    public WaitQueue waitQueue() {
        return pipe.queue();
    }

    @Override
    public void close() {
        pipe.closed(reads, writes);
    }
}
