package dev.caisson.kernel.pipe;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.testing.kit.Bytes;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class PipeTest {
    private static final int NOWHERE = -1;
    private static final int PAGES = Pipe.DEFAULT_BYTES / Pipe.PIPE_BUF;

    private final Pipe pipe = new Pipe();
    private final PipeFile reader = new PipeFile(pipe, Fcntl.O_RDONLY);
    private final PipeFile writer = new PipeFile(pipe, Fcntl.O_WRONLY);

    private long write(String text) throws ErrnoException {
        return writer.write(Bytes.of(text), NOWHERE);
    }

    private long write(int bytes) throws ErrnoException {
        return writer.write(Bytes.zeros(bytes), NOWHERE);
    }

    private String read(int most) throws ErrnoException {
        Bytes room = Bytes.room(most);
        long count = reader.read(room.buffer(), NOWHERE);
        return count == WOULD_BLOCK ? null : room.text(count);
    }

    @Test
    void bytesComeOutInOrder() throws ErrnoException {
        write("abc");
        write("defg");
        assertEquals("abcde", read(5));
        assertEquals("fg", read(5));
        assertEquals(null, read(5));
    }

    @Test
    void aFullPipeTakesWhatFitsOfALongWriteAndNothingOfAShortOne() throws ErrnoException {
        assertEquals(Pipe.DEFAULT_BYTES, write(70_000));
        assertEquals(WOULD_BLOCK, write(1));
        assertEquals(0, writer.readiness(POLLOUT));
    }

    @Test
    void roomIsCountedInPages() throws ErrnoException {
        for (int i = 0; i < PAGES; i++) {
            assertEquals(4095, write(4095));
        }
        assertEquals(WOULD_BLOCK, write(4096));
        assertEquals(1, write(1), "one byte fits behind the last page's end");
        assertEquals(WOULD_BLOCK, write(1));
        read(4094);
        assertEquals(WOULD_BLOCK, write(1), "the first page still has a byte");
        read(1);
        assertEquals(POLLOUT, writer.readiness(POLLOUT));
    }

    @Test
    void readersSeeTheEndWhenTheLastWriterLeaves() throws ErrnoException {
        write("rest");
        writer.close();
        assertEquals(POLLIN | POLLHUP, reader.readiness(POLLIN));
        assertEquals("rest", read(10));
        assertEquals("", read(10));
    }

    @Test
    void writingWithoutReadersIsABrokenPipe() {
        reader.close();
        assertErrno(EPIPE, () -> write("x"));
        assertEquals(POLLOUT | POLLERR, writer.readiness(POLLOUT));
    }

    @Test
    void packetsKeepTheirBoundariesAndLoseWhatIsNotRead() throws ErrnoException {
        writer.statusChanged(Fcntl.O_WRONLY | Fcntl.O_DIRECT);
        write("first");
        write("second");
        assertEquals("fi", read(2));
        assertEquals("second", read(100));
        for (int i = 0; i < PAGES; i++) {
            assertEquals(1, write("p"));
        }
        assertEquals(WOULD_BLOCK, write("p"), "a packet takes a page");
    }

    @Test
    void sizeFollowsPowersOfTwoAndItsLimits() throws ErrnoException {
        assertEquals(8192, pipe.resize(5000, Credentials.ROOT));
        assertEquals(4096, pipe.resize(1, Credentials.ROOT));
        assertErrno(EPERM, () -> pipe.resize(2 << 20, Credentials.ofUser(1000, 1000)));
        pipe.resize(1 << 20, Credentials.ofUser(1000, 1000));
        write(8192);
        assertErrno(EBUSY, () -> pipe.resize(4096, Credentials.ROOT));
    }

    @Test
    void whatWasTakenOutCanGoBack() throws ErrnoException {
        write("0123456789");
        byte[] taken = pipe.take(6);
        pipe.putBack(taken, 2);
        assertEquals("23456789", read(100));
        assertEquals(0, pipe.available());
    }

    @Test
    void everyWriteTellsReadersAndAFreePageTellsWriters() throws ErrnoException {
        AtomicInteger readable = new AtomicInteger();
        AtomicInteger writable = new AtomicInteger();
        reader.waitQueue().add(events -> readable.incrementAndGet(), POLLIN);
        writer.waitQueue().add(events -> writable.incrementAndGet(), POLLOUT);
        write("a");
        write("b");
        assertEquals(2, readable.get(), "edge-triggered watchers want each of them");
        read(2);
        assertEquals(0, writable.get(), "it was never full");
        write(70_000);
        read(4095);
        assertEquals(0, writable.get());
        read(1);
        assertEquals(1, writable.get());
    }

    @Test
    void writesOfAPageNeverMix() throws Exception {
        int rounds = 2000;
        Thread[] writers = new Thread[3];
        for (int w = 0; w < writers.length; w++) {
            byte[] block = new byte[1000 + 500 * w];
            Arrays.fill(block, (byte) ('a' + w));
            writers[w] = new Thread(() -> {
                for (int i = 0; i < rounds; i++) {
                    try {
                        IoBuffer data = Bytes.of(block);
                        while (writer.write(data, NOWHERE) == WOULD_BLOCK) {
                            Thread.yield();
                        }
                    } catch (ErrnoException e) {
                        throw new IllegalStateException(e);
                    }
                }
            });
            writers[w].start();
        }
        int[] counts = new int[writers.length];
        int left = rounds * (1000 + 1500 + 2000);
        int ofBlock = 0;
        int which = 0;
        while (left > 0) {
            String part = read(8192);
            if (part == null) {
                Thread.yield();
                continue;
            }
            left -= part.length();
            for (int i = 0; i < part.length(); i++) {
                if (ofBlock == 0) {
                    which = part.charAt(i) - 'a';
                }
                assertEquals('a' + which, part.charAt(i), "a write of another one came between");
                ofBlock++;
                if (ofBlock == 1000 + 500 * which) {
                    counts[which]++;
                    ofBlock = 0;
                }
            }
        }
        for (Thread each : writers) {
            each.join();
        }
        assertEquals(rounds, counts[0]);
        assertEquals(rounds, counts[2]);
    }
}
