package dev.caisson.kernel.futex;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.ETIMEDOUT;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.abi.Mman;
import dev.caisson.kernel.time.Clocks;
import dev.caisson.kernel.time.HostClock;
import dev.caisson.kernel.time.Timers;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.MemoryManager;
import dev.caisson.testing.kit.Await;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FutexTableTest {
    private static final int ANY = Futex.FUTEX_BITSET_MATCH_ANY;

    private final FutexTable table = new FutexTable();
    private final ExecutorService threads = Executors.newCachedThreadPool(Thread.ofPlatform().daemon().factory());
    private MemoryManager memory;
    private long word;

    @BeforeEach
    void mapOnePage() throws ErrnoException {
        memory = new MemoryManager(new MemoryFile(HostBacking.ofPlainMemory(1 << 22), 1 << 22), new InertPlatform());
        word = memory.map(0, 4096, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS, null, 0);
    }

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    private void await(ThreadBlocker blocker, int expected, int bitset) throws ErrnoException {
        table.await(blocker.futex, blocker, memory, word, false, expected, bitset, FutexDeadline.NONE);
    }

    private Future<Errno> waiter(ThreadBlocker blocker, int bitset) {
        int before = table.waiterCount();
        Future<Errno> result = threads.submit(() -> {
            try {
                await(blocker, 0, bitset);
                return null;
            } catch (ErrnoException e) {
                return e.errno();
            }
        });
        while (table.waiterCount() == before) {
            Thread.yield();
        }
        return result;
    }

    private static Errno result(Future<Errno> future) throws Exception {
        return future.get(Await.PATIENCE_S, TimeUnit.SECONDS);
    }

    @Test
    void aChangedWordIsNotWaitedFor() throws ErrnoException {
        memory.writeInt(word, 1);
        assertErrno(EAGAIN, () -> await(new ThreadBlocker(), 0, ANY));
        assertEquals(0, table.waiterCount());
    }

    @Test
    void badAddressesAreRefused() {
        ThreadBlocker blocker = new ThreadBlocker();
        assertErrno(EINVAL, () -> table.await(blocker.futex, blocker, memory, word + 2, false, 0, ANY, FutexDeadline.NONE));
        assertErrno(EFAULT, () -> table.await(blocker.futex, blocker, memory, 0x1000, false, 0, ANY, FutexDeadline.NONE));
        assertErrno(EFAULT, () -> table.wake(memory, -4096, false, 1, ANY));
        assertEquals(0, table.waiterCount());
    }

    @Test
    void wakingTakesTheOldestWaitersWhoseBitsMatch() throws Exception {
        List<Future<Errno>> results = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            results.add(waiter(new ThreadBlocker(), 1 + i % 2));
        }
        assertEquals(0, table.wake(memory, word, false, 10, 4));
        assertEquals(1, table.wake(memory, word, false, 1, 2));
        assertEquals(null, result(results.get(1)));
        assertEquals(3, table.wake(memory, word, false, 10, ANY));
        for (Future<Errno> result : results) {
            assertEquals(null, result(result));
        }
    }

    @Test
    void aSignalEndsTheWait() throws Exception {
        ThreadBlocker blocker = new ThreadBlocker();
        Future<Errno> result = waiter(blocker, ANY);
        blocker.signal();
        assertEquals(ERESTARTSYS, result(result));
        assertEquals(0, table.waiterCount());
    }

    @Test
    void aDeadlineEndsTheWait() {
        try (Timers timers = new Timers(); Clocks clocks = new Clocks(HostClock.MACHINE, timers)) {
            ThreadBlocker blocker = new ThreadBlocker();
            long at = clocks.monotonicNs() + 5_000_000;
            assertErrno(ETIMEDOUT, () -> table.await(blocker.futex, blocker, memory, word, false, 0, ANY,
                    new FutexDeadline(clocks, false, at)));
            assertFalse(clocks.monotonicNs() < at);
        }
    }

    @Test
    void requeueWakesSomeAndMovesOthers() throws Exception {
        List<Future<Errno>> results = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            results.add(waiter(new ThreadBlocker(), ANY));
        }
        assertErrno(EAGAIN, () -> table.requeue(memory, word, word + 4, false, 1, 10, true, 9));
        assertErrno(EINVAL, () -> table.requeue(memory, word, word + 4, false, -1, 10, true, 0));
        assertEquals(4, table.requeue(memory, word, word + 4, false, 1, 3, true, 0));
        assertEquals(null, result(results.getFirst()));
        assertEquals(1, table.wake(memory, word, false, 10, ANY));
        assertEquals(3, table.wake(memory, word + 4, false, 10, ANY));
        for (Future<Errno> result : results) {
            assertEquals(null, result(result));
        }
    }

    @Test
    void aMovedWaiterCanStillGiveUp() throws Exception {
        ThreadBlocker blocker = new ThreadBlocker();
        Future<Errno> result = waiter(blocker, ANY);
        table.requeue(memory, word, word + 4, false, 0, 1, false, 0);
        blocker.signal();
        assertEquals(ERESTARTSYS, result(result));
        assertEquals(0, table.waiterCount());
    }

    @Test
    void wakeOpChangesTheSecondWordOnce() throws ErrnoException {
        memory.writeInt(word + 4, 5);
        int add3ifEqual5 = Futex.FUTEX_OP_ADD << 28 | Futex.FUTEX_OP_CMP_EQ << 24 | 3 << 12 | 5;
        table.wakeOp(memory, word, word + 4, false, 1, 1, add3ifEqual5);
        assertEquals(8, memory.readInt(word + 4));
        int orShifted = (8 | Futex.FUTEX_OP_OR) << 28 | Futex.FUTEX_OP_CMP_LT << 24 | 4 << 12 | 0xfff;
        table.wakeOp(memory, word, word + 4, false, 1, 1, orShifted);
        assertEquals(24, memory.readInt(word + 4));
        assertErrno(ENOSYS, () -> table.wakeOp(memory, word, word + 4, false, 1, 1, 7 << 28));
        assertErrno(ENOSYS, () -> table.wakeOp(memory, word, word + 4, false, 1, 1, 9 << 24));
    }

    @Test
    void noWakeUpIsLostBetweenTwoThreadsThatAlternate() throws Exception {
        int rounds = 3000;
        Future<?> other = threads.submit(() -> {
            alternate(rounds, 1);
            return null;
        });
        alternate(rounds, 0);
        other.get(Await.PATIENCE_S, TimeUnit.SECONDS);
        assertEquals(2 * rounds, memory.readInt(word));
    }

    /** Adds one whenever the word's lowest bit is ours, and wakes the other. */
    private void alternate(int rounds, int parity) throws ErrnoException {
        ThreadBlocker blocker = new ThreadBlocker();
        for (int i = 0; i < rounds; i++) {
            int value;
            while (((value = memory.loadInt(word)) & 1) != parity) {
                try {
                    await(blocker, value, ANY);
                } catch (ErrnoException changed) {
                    assertEquals(EAGAIN, changed.errno());
                }
            }
            memory.compareAndSetInt(word, value, value + 1);
            table.wake(memory, word, false, 1, ANY);
        }
    }
}
