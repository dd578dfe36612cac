package dev.caisson.kernel.pipe;

import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FsContext;
import org.junit.jupiter.api.Test;

/** Opens of a FIFO that are interrupted while they wait for the other side. */
final class FifosTest {
    private final Inode fifo = new Fifo();
    private final Pipe pipe = fifo.attachment(Pipe.class, Pipe::new);

    @Test
    void aSignalEndsAnOpenThatWaits() {
        assertErrno(ERESTARTSYS, () -> Fifos.OPENER.open(fifo, Fcntl.O_WRONLY, new Interrupted(() -> { })));
        assertFalse(pipe.hasWriters());
        assertErrno(ERESTARTSYS, () -> Fifos.OPENER.open(fifo, Fcntl.O_RDONLY, new Interrupted(() -> { })));
        assertFalse(pipe.hasReaders());
    }

    @Test
    void aPartnerThatCameTogetherWithTheSignalIsNotLeftAlone() throws ErrnoException {
        OpenFile writer = Fifos.OPENER.open(fifo, Fcntl.O_WRONLY, new Interrupted(() -> new PipeFile(pipe, Fcntl.O_RDONLY)));
        assertTrue(pipe.hasWriters());
        assertEquals(Poll.POLLOUT, writer.readiness(Poll.POLLOUT));
    }

    @Test
    void aWriterThatCameAndWentTogetherWithTheSignalCounts() throws ErrnoException {
        OpenFile reader = Fifos.OPENER.open(fifo, Fcntl.O_RDONLY, new Interrupted(() -> new PipeFile(pipe, Fcntl.O_WRONLY).close()));
        assertEquals(Poll.POLLHUP, reader.readiness(Poll.POLLIN));
    }

    /** Gets a signal in its wait, after something else has happened. */
    private record Interrupted(Runnable before) implements Caller {
        @Override
        public Credentials credentials() {
            return Credentials.ROOT;
        }

        @Override
        public FsContext fs() {
            return null;
        }

        @Override
        public Waiter waiter() {
            return events -> { };
        }

        @Override
        public boolean block(long deadlineNs) throws ErrnoException {
            before.run();
            throw ERESTARTSYS.error();
        }
    }

    private static final class Fifo extends Inode {
        @Override
        public FileSystem fileSystem() {
            throw new AssertionError();
        }

        @Override
        public Attributes attributes() {
            throw new AssertionError();
        }

        @Override
        public int mode() {
            return Stat.S_IFIFO | 0600;
        }

        @Override
        public int uid() {
            return 0;
        }

        @Override
        public int gid() {
            return 0;
        }

        @Override
        public long number() {
            return 1;
        }

        @Override
        public OpenFile open(int flags) {
            throw new AssertionError();
        }
    }
}
