package dev.caisson.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import dev.caisson.testing.kit.Await;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks count in a general register and in their FPU state; both counters must agree on whatever platform they run. */
@Timeout(300)
class PlatformChangesTest {
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(Await.PATIENCE_S);

    private final AtomicReference<String> wrong = new AtomicReference<>();
    private final Fake first = new Fake("first");
    private final Fake second = new Fake("second");
    private final List<Task> tasks = new ArrayList<>();
    private TestSandbox sandbox;
    private Kernel kernel;

    @BeforeEach
    void start() throws ErrnoException {
        sandbox = new TestSandbox();
        kernel = sandbox.kernel;
        kernel.setPlatform(first);
        kernel.platformChanges().patienceNs(PATIENCE_NS);
        tasks.add(sandbox.init);
        tasks.add(sandbox.link(sandbox.init));
        tasks.add(sandbox.link(sandbox.init));
        for (Task task : tasks) {
            task.memory(new MemoryManager(kernel.memoryFile(), first));
            kernel.threads().reserve(0).assign(task);
        }
        awaitProgress();
    }

    @AfterEach
    void stop() {
        kernel.shutdown();
        while (kernel.taskCount() > 0) {
            LockSupport.parkNanos(100_000);
        }
        kernel.threads().dropContexts(null);
        sandbox.close();
        assertNull(wrong.get());
    }

    /** Until every task has run some more. */
    private void awaitProgress() {
        long[] before = tasks.stream().mapToLong(task -> task.registers().rax()).toArray();
        for (int i = 0; i < tasks.size(); i++) {
            while (tasks.get(i).registers().rax() < before[i] + 3) {
                assertNull(kernel.failure());
                LockSupport.parkNanos(100_000);
            }
        }
    }

    @Test
    void tasksGoOnWithTheirRegistersAndNothingOfTheOldPlatformIsLeft() throws PlatformException {
        assertTrue(kernel.selectPlatform(second) > 0);
        assertSame(second, kernel.platform());
        awaitProgress();
        assertEquals(0, first.contexts.get());
        assertEquals(0, first.spaces.get());
        assertEquals(3, second.contexts.get());
    }

    @Test
    void theSamePlatformIsNoChange() throws PlatformException {
        assertEquals(0, kernel.selectPlatform(first));
    }

    @Test
    void aPlatformThatMakesNoAddressSpacesIsLeftAgain() throws PlatformException {
        second.failsIn = "newAddressSpace";
        assertRefused();
    }

    @Test
    void aPlatformThatDoesNotRunIsLeftAgain() throws PlatformException {
        second.failsIn = "run";
        assertRefused();
    }

    @Test
    void aPlatformThatCannotLoadTheFpuStateIsLeftAgain() throws PlatformException {
        second.failsIn = "restoreFpu";
        assertRefused();
    }

    private void assertRefused() throws PlatformException {
        PlatformException refusal = assertThrows(PlatformException.class, () -> kernel.selectPlatform(second));
        assertTrue(refusal.getMessage().contains("second") && refusal.getMessage().contains("back on first"), refusal.getMessage());
        assertSame(first, kernel.platform());
        awaitProgress();
        assertEquals(0, second.contexts.get());
        assertEquals(0, second.spaces.get());
        second.failsIn = null;
        kernel.selectPlatform(second);
        awaitProgress();
    }

    @Test
    void aPlatformWithLessAddressesThanAProgramUsesIsRefused() throws Exception {
        second.limit = 1L << 40;
        kernel.selectPlatform(second); // nothing is mapped yet
        kernel.selectPlatform(first);
        second.limit = 1L << 32;
        tasks.get(1).memory().map(0, 4096, 3, 0x22, null, 0); // private and anonymous, as high as possible
        assertTrue(assertThrows(PlatformException.class, () -> kernel.selectPlatform(second)).getMessage().contains("0x100000000"));
        assertSame(first, kernel.platform());
        awaitProgress();
    }

    @Test
    void aPlatformThatDoesNotLetATaskGoKeepsItAndTheOthersGoOn() throws PlatformException {
        first.failsIn = "interrupt";
        kernel.platformChanges().patienceNs(200_000_000);
        assertTrue(assertThrows(PlatformException.class, () -> kernel.selectPlatform(second)).getMessage().contains("first did not let"));
        first.failsIn = null;
        assertSame(first, kernel.platform());
        awaitProgress();
        kernel.platformChanges().patienceNs(PATIENCE_NS);
        kernel.selectPlatform(second);
        awaitProgress();
    }

    @Test
    void aPlatformThatWentCannotBeGoneBackTo() throws PlatformException {
        kernel.selectPlatform(second);
        kernel.forgetPlatform(first);
        awaitProgress();
        kernel.selectPlatform(first); // it is back
        awaitProgress();
    }

    @Test
    void aHundredChangesWithFailuresBetweenThemDisturbNobody() {
        Random random = new Random(3);
        Fake third = new Fake("third");
        Fake[] all = {first, second, third};
        String[] failures = {"newAddressSpace", "run", "restoreFpu", null, null, null};
        int moved = 0;
        for (int i = 0; i < 100; i++) {
            Fake next = all[random.nextInt(3)];
            Platform before = kernel.platform();
            next.failsIn = next == before ? null : failures[random.nextInt(failures.length)];
            boolean fails = next.failsIn != null;
            try {
                kernel.selectPlatform(next);
                assertFalse(fails, "not noticed");
                assertSame(next, kernel.platform());
                moved++;
            } catch (PlatformException e) {
                assertTrue(fails, e.toString());
                assertSame(before, kernel.platform());
            }
            next.failsIn = null;
        }
        awaitProgress();
        assertTrue(moved > 20, "moved: " + moved);
    }

    /** Runs no guest code, but keeps the books. */
    private final class Fake implements Platform {
        private final String name;
        private final AtomicInteger spaces = new AtomicInteger();
        private final AtomicInteger contexts = new AtomicInteger();
        private volatile String failsIn;
        private volatile long limit = 1L << 46;

        Fake(String name) {
            this.name = name;
        }

        private void mayFail(String where) throws ErrnoException {
            if (where.equals(failsIn)) {
                throw Errno.EAGAIN.error(where + " fails");
            }
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Set<Capability> capabilities() {
            return Set.of();
        }

        @Override
        public long addressLimit() {
            return limit;
        }

        @Override
        public AddressSpace newAddressSpace(int memoryFile) throws ErrnoException {
            mayFail("newAddressSpace");
            spaces.incrementAndGet();
            return new Space(this);
        }

        @Override
        public GuestContext newContext() {
            contexts.incrementAndGet();
            return new Context(this);
        }

        @Override
        public void close() {}
    }

    private record Space(Fake platform) implements AddressSpace {
        @Override
        public void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) {}

        @Override
        public void unmap(long address, long lengthBytes) {}

        @Override
        public void protect(long address, long lengthBytes, int protection) {}

        @Override
        public AddressSpace fork(GuestContext current) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void prepareContext(GuestContext current) {}

        @Override
        public void close() {
            platform.spaces.decrementAndGet();
        }
    }

    private final class Context implements GuestContext {
        private final Fake platform;
        private long fpu;

        Context(Fake platform) {
            this.platform = platform;
        }

        @Override
        public Exit run(AddressSpace space, Registers registers) throws ErrnoException {
            platform.mayFail("run");
            if (((Space) space).platform != platform) {
                wrong.set("a space of " + ((Space) space).platform.name + " on " + platform.name);
            }
            if (fpu != registers.rax()) {
                wrong.set("the registers say " + registers.rax() + ", the FPU " + fpu + " on " + platform.name);
            }
            fpu++;
            registers.rax(fpu);
            LockSupport.parkNanos(20_000);
            while ("interrupt".equals(platform.failsIn)) {
                LockSupport.parkNanos(20_000);
            }
            return Exit.Plain.INTERRUPTED;
        }

        @Override
        public void interrupt() {}

        @Override
        public int fpuBytes() {
            return Long.BYTES;
        }

        @Override
        public void saveFpu(MemorySegment image) {
            image.set(ValueLayout.JAVA_LONG, 0, fpu);
        }

        @Override
        public void restoreFpu(MemorySegment image) throws ErrnoException {
            platform.mayFail("restoreFpu");
            fpu = image.get(ValueLayout.JAVA_LONG, 0);
        }

        @Override
        public void resetFpu() {
            fpu = 0;
        }

        @Override
        public void sleeping() {}

        @Override
        public void awake() {}

        @Override
        public void close() {
            platform.contexts.decrementAndGet();
        }
    }
}
