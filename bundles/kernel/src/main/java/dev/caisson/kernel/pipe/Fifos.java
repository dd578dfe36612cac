package dev.caisson.kernel.pipe;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.AnonymousFiles;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FifoOpener;

/** Opens FIFOs, fifo(7): the pipe hangs on the inode, and one side waits for the other. */
public final class Fifos implements FifoOpener {
    /** The one instance. */
    public static final Fifos OPENER = new Fifos();

    private Fifos() {}

    @Override
    public OpenFile open(Inode inode, int flags, Caller opener) throws ErrnoException {
        Pipe pipe = inode.attachment(Pipe.class, Pipe::new);
        boolean nonBlocking = (flags & Fcntl.O_NONBLOCK) != 0;
        if (inode instanceof AnonymousFiles.Node) {
            // An anonymous pipe opened again through /proc/PID/fd: nobody waits for a partner (Linux: is_pipe in fifo_open).
            return new PipeFile(pipe, flags);
        }
        switch (flags & Fcntl.O_ACCMODE) {
            case Fcntl.O_RDONLY -> {
                int writersSeen = pipe.writerOpens();
                // Looked at before the writer that waits for us can see us, and be done and gone.
                boolean hasWriters = pipe.hasWriters();
                PipeFile file = new PipeFile(pipe, flags, nonBlocking && !hasWriters ? writersSeen : -1);
                if (!nonBlocking && !hasWriters) {
                    await(pipe, file, opener, writersSeen, true);
                }
                return file;
            }
            case Fcntl.O_WRONLY -> {
                int readersSeen = pipe.readerOpens();
                boolean hasReaders = pipe.hasReaders();
                if (nonBlocking && !hasReaders) {
                    throw ENXIO.error();
                }
                PipeFile file = new PipeFile(pipe, flags);
                if (!nonBlocking && !hasReaders) {
                    await(pipe, file, opener, readersSeen, false);
                }
                return file;
            }
            case Fcntl.O_RDWR -> {
                return new PipeFile(pipe, flags);
            }
            default -> throw EINVAL.error();
        }
    }

    /** Waits until the other side was opened since {@code seen}; a partner that came and went counts. */
    private static void await(Pipe pipe, PipeFile file, Blocker blocker, int seen, boolean forWriter) throws ErrnoException {
        Waiter waiter = blocker.waiter();
        pipe.queue().add(waiter, Poll.POLLIN | Poll.POLLOUT);
        try {
            while (opens(pipe, forWriter) == seen) {
                blocker.block(Blocker.FOREVER);
            }
        } catch (ErrnoException interrupted) {
            // A partner that came at the same moment counts on us: its read would end, or its write find no reader.
            if (opens(pipe, forWriter) == seen) {
                file.close();
                throw interrupted;
            }
        } finally {
            pipe.queue().remove(waiter);
        }
    }

    private static int opens(Pipe pipe, boolean ofWriters) {
        return ofWriters ? pipe.writerOpens() : pipe.readerOpens();
    }
}
