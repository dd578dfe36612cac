package dev.caisson.vfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that use descriptors while others close and replace them: no file is used after it was closed, each is closed once. */
class FdTableStressTest {
    private static final int FDS = 4;
    private static final int ROUNDS = 200_000;

    private final AnonymousFiles anonymous = new AnonymousFiles(new Watches());
    private final AtomicInteger opened = new AtomicInteger();
    private final AtomicInteger closed = new AtomicInteger();

    private final class Watched extends OpenFile {
        private volatile boolean isClosed;

        Watched() {
            opened.incrementAndGet();
        }

        @Override
        public boolean isSeekable() {
            return false;
        }

        @Override
        public long read(IoBuffer target, long position) {
            Thread.onSpinWait();
            if (isClosed) {
                throw new IllegalStateException("used after it was closed");
            }
            return 0;
        }

        @Override
        public void close() {
            if (isClosed) {
                throw new IllegalStateException("closed twice");
            }
            isClosed = true;
            closed.incrementAndGet();
        }
    }

    private void step(FdTable table, Random random, IoBuffer buffer) throws ErrnoException {
        int fd = random.nextInt(FDS);
        try {
            switch (random.nextInt(8)) {
                case 0 -> table.close(fd);
                case 1 -> table.install(anonymous.describe("[test]", new Watched(), Fcntl.O_RDWR, Credentials.ROOT), false);
                case 2 -> table.duplicateOnto(fd, random.nextInt(FDS), false);
                case 3 -> table.copy().release();
                default -> {
                    FileDescription description = table.borrow(fd);
                    try {
                        description.read(buffer);
                    } finally {
                        description.release();
                    }
                }
            }
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EBADF && e.errno() != Errno.EMFILE) {
                throw e;
            }
        }
    }

    @Test
    @Timeout(300)
    void descriptionsLiveAsLongAsTheyAreUsed() throws InterruptedException {
        FdTable table = new FdTable(FDS);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int seed = i;
            threads.add(Thread.ofPlatform().start(() -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment room = arena.allocate(1);
                    Random random = new Random(seed);
                    for (int round = 0; round < ROUNDS; round++) {
                        step(table, random, IoBuffer.of(room));
                    }
                } catch (Throwable bug) {
                    failure.set(bug);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertNull(failure.get());
        table.release();
        assertEquals(opened.get(), closed.get());
    }
}
