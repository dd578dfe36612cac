package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Poll.EPOLLET;
import static dev.caisson.abi.Poll.EPOLLEXCLUSIVE;
import static dev.caisson.abi.Poll.EPOLLHUP;
import static dev.caisson.abi.Poll.EPOLLIN;
import static dev.caisson.abi.Poll.EPOLLONESHOT;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.pipe.Pipe;
import dev.caisson.kernel.pipe.PipeFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.testing.kit.Bytes;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Vfs;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EpollFileTest {
    private final Vfs vfs = new Vfs();
    private final EpollFile epoll = new EpollFile();

    /** A pipe whose reading end is watched. */
    private final class Watched {
        final Pipe pipe = new Pipe();
        final FileDescription reader = describe(new PipeFile(pipe, Fcntl.O_RDONLY));
        final PipeFile writer = new PipeFile(pipe, Fcntl.O_WRONLY);

        void write() throws ErrnoException {
            writer.write(Bytes.of("x"), -1);
        }

        void drain() throws ErrnoException {
            reader.read(Bytes.room(100).buffer());
        }
    }

    private FileDescription describe(OpenFile file) {
        return vfs.anonymous().describe("test", file, Fcntl.O_RDWR, Credentials.ROOT);
    }

    private static List<Long> collect(EpollFile from, int max) throws ErrnoException {
        List<Long> data = new ArrayList<>();
        from.collect(max, (events, each) -> data.add(each));
        return data;
    }

    private List<Long> collect() throws ErrnoException {
        return collect(epoll, 16);
    }

    @Test
    void levelTriggeredEventsStayUntilTheyAreOver() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN, 7);
        assertEquals(List.of(), collect());
        pipe.write();
        assertEquals(List.of(7L), collect());
        assertEquals(List.of(7L), collect());
        pipe.drain();
        assertEquals(List.of(), collect());
    }

    @Test
    void edgeTriggeredEventsComeOncePerChange() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN | EPOLLET, 7);
        pipe.write();
        assertEquals(List.of(7L), collect());
        assertEquals(List.of(), collect());
        pipe.write();
        assertEquals(List.of(7L), collect());
        epoll.modify(pipe.reader, 3, EPOLLIN | EPOLLET, 8);
        assertEquals(List.of(8L), collect(), "a change of the mask looks again");
    }

    @Test
    void aOneShotRestsUntilItIsArmedAgain() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN | EPOLLONESHOT, 7);
        pipe.write();
        assertEquals(List.of(7L), collect());
        pipe.write();
        assertEquals(List.of(), collect());
        epoll.modify(pipe.reader, 3, EPOLLIN | EPOLLONESHOT, 7);
        assertEquals(List.of(7L), collect());
    }

    @Test
    void everybodyGetsATurn() throws ErrnoException {
        for (int i = 0; i < 3; i++) {
            Watched pipe = new Watched();
            epoll.add(pipe.reader, 3 + i, EPOLLIN, i);
            pipe.write();
        }
        assertEquals(List.of(0L, 1L), collect(epoll, 2));
        assertEquals(List.of(2L, 0L), collect(epoll, 2));
        assertEquals(List.of(1L, 2L), collect(epoll, 2));
    }

    @Test
    void hangUpIsReportedUnasked() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLET, 7);
        pipe.writer.close();
        int[] seen = new int[1];
        epoll.collect(1, (events, data) -> seen[0] = events);
        assertEquals(EPOLLHUP, seen[0]);
    }

    @Test
    void aDescriptionLeavesWithItsLastReference() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN, 7);
        pipe.reader.retain();
        pipe.write();
        pipe.reader.release();
        assertEquals(List.of(7L), collect());
        pipe.reader.release();
        assertEquals(List.of(), collect());
        assertEquals(List.of(), epoll.watched());
    }

    @Test
    void anEventThatCannotBeStoredStays() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN | EPOLLET, 7);
        pipe.write();
        assertErrno(Errno.EFAULT, () -> epoll.collect(1, (events, data) -> {
            throw Errno.EFAULT.error();
        }));
        assertEquals(List.of(7L), collect());
    }

    @Test
    void entriesAreKnownByDescriptionAndNumber() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN, 7);
        assertErrno(EEXIST, () -> epoll.add(pipe.reader, 3, EPOLLIN, 7));
        epoll.add(pipe.reader, 4, EPOLLIN, 8);
        epoll.remove(pipe.reader, 3);
        assertErrno(ENOENT, () -> epoll.remove(pipe.reader, 3));
        assertErrno(ENOENT, () -> epoll.modify(pipe.reader, 3, EPOLLIN, 7));
        pipe.write();
        assertEquals(List.of(8L), collect());
    }

    @Test
    void exclusiveEntriesCannotBeModified() throws ErrnoException {
        Watched pipe = new Watched();
        epoll.add(pipe.reader, 3, EPOLLIN | EPOLLEXCLUSIVE, 7);
        assertErrno(EINVAL, () -> epoll.modify(pipe.reader, 3, EPOLLIN, 7));
        assertErrno(EINVAL, () -> epoll.add(describe(new EpollFile()), 5, EPOLLIN | EPOLLEXCLUSIVE, 7));
    }

    @Test
    void anInstanceIsReadyWhenSomethingItWatchesIs() throws ErrnoException {
        Watched pipe = new Watched();
        EpollFile outer = new EpollFile();
        epoll.add(pipe.reader, 3, EPOLLIN, 7);
        outer.add(describe(epoll), 4, EPOLLIN, 8);
        assertEquals(0, outer.readiness(EPOLLIN));
        pipe.write();
        assertEquals(EPOLLIN, outer.readiness(EPOLLIN));
        assertEquals(List.of(8L), collect(outer, 4));
        pipe.drain();
        assertEquals(List.of(), collect(outer, 4));
    }

    @Test
    void loopsAndLongChainsAreRefused() throws ErrnoException {
        EpollFile outer = new EpollFile();
        outer.add(describe(epoll), 4, EPOLLIN, 8);
        assertErrno(ELOOP, () -> epoll.add(describe(outer), 4, EPOLLIN, 8));
        EpollFile last = outer;
        for (int length = 3; length <= 5; length++) {
            EpollFile next = new EpollFile();
            next.add(describe(last), 4, EPOLLIN, 8);
            last = next;
        }
        EpollFile sixth = last;
        assertErrno(ELOOP, () -> new EpollFile().add(describe(sixth), 4, EPOLLIN, 8));
    }
}
