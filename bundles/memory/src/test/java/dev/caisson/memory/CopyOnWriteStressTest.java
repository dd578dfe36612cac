package dev.caisson.memory;

import static dev.caisson.abi.Mman.MAP_ANONYMOUS;
import static dev.caisson.abi.Mman.MAP_FIXED;
import static dev.caisson.abi.Mman.MAP_PRIVATE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.Capability;
import dev.caisson.testing.kit.Await;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What the kernel writes for one thread is not lost while others fork, unmap and write next to it. */
class CopyOnWriteStressTest {
    private static final long BASE = 0x20_0000_0000L;
    private static final int PAGES = 8;
    private static final int THREADS = 4;
    private static final int ROUNDS = 1000;

    private final FakePlatform platform = new FakePlatform(Capability.INHERITS_MAPPINGS);
    /** Freed frames wait for whoever may still be reading them: on a crowded machine, for a thread that does not run, and they are many. */
    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(512L << 20), 0);
    private final MemoryManager memory = new MemoryManager(frames, platform);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicBoolean stop = new AtomicBoolean();
    /** Opened when every thread has done its rounds, or when one has failed. */
    private final CountDownLatch enough = new CountDownLatch(THREADS);

    /** A thread of the test. */
    private interface Work {
        void run() throws ErrnoException;
    }

    private Thread start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                for (int round = 1; !stop.get() && failure.get() == null; round++) {
                    work.run();
                    if (round == ROUNDS) {
                        enough.countDown();
                    }
                }
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
                for (int i = 0; i < THREADS; i++) {
                    enough.countDown();
                }
            }
        });
        thread.start();
        return thread;
    }

    @Test
    void kernelWritesSurviveForks() throws Exception {
        memory.map(BASE, PAGES * (long) Pages.SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, null, 0);
        long[] counters = new long[2];
        Thread[] threads = {start(() -> write(counters, 0)), start(() -> write(counters, 1)), start(() -> {
            MemoryManager child = memory.fork(FakePlatform.idleContext());
            child.writeLong(BASE, -1);
            child.close();
        }), start(() -> {
            long other = memory.map(0, 16L * Pages.SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS, null, 0);
            memory.clear(other, 16L * Pages.SIZE);
            memory.writeLong(other, -1);
            memory.unmap(other, 16L * Pages.SIZE);
        })};
        assertTrue(enough.await(Await.PATIENCE_S, TimeUnit.SECONDS), "threads wait for each other");
        stop.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        assertNull(failure.get(), () -> String.valueOf(failure.get()));
        memory.close();
        assertEquals(0, frames.usedBytes());
    }

    private void write(long[] counters, int who) throws ErrnoException {
        long value = ++counters[who];
        for (int page = 0; page < PAGES; page++) {
            long address = BASE + (long) page * Pages.SIZE + who * 64 + 8;
            if (page % 2 == 0) {
                memory.writeLong(address, value);
            } else {
                memory.copyOut(address, new byte[] {(byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24), 0,
                    0, 0, 0});
            }
            if (memory.readLong(address) != value) {
                throw new AssertionError("lost: wrote " + value + ", read " + memory.readLong(address));
            }
        }
    }
}
