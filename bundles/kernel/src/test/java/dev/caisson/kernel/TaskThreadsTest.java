package dev.caisson.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads wait for tasks, and contexts with them. */
@Timeout(300)
class TaskThreadsTest {
    private final TaskThreads threads = new TaskThreads();
    private final Platform platform = new FakePlatform();
    private final Platform other = new FakePlatform();

    @Test
    void aContextWaitsForTheNextTaskOfItsThread() throws Exception {
        FakeContext context = new FakeContext(true);
        TaskThreads.TaskThread thread = threads.reserve(0);
        thread.leaveContext(context, platform, null);
        thread.cancel();

        assertSame(thread, threads.reserve(0));
        assertSame(context, thread.context(platform));
        assertSame(context, thread.takeContext(platform));
        assertNull(thread.takeContext(platform));
        assertFalse(context.closed);
    }

    @Test
    void aContextOfAnotherPlatformIsClosed() throws Exception {
        FakeContext context = new FakeContext(true);
        TaskThreads.TaskThread thread = threads.reserve(0);
        thread.leaveContext(context, platform, null);

        assertNull(thread.context(other));
        assertNull(thread.takeContext(other));
        assertTrue(context.closed);
    }

    @Test
    void aContextThatCannotBeResetIsClosed() throws Exception {
        FakeContext context = new FakeContext(false);
        TaskThreads.TaskThread thread = threads.reserve(0);
        thread.leaveContext(context, platform, null);

        assertTrue(context.closed);
        assertNull(thread.context(platform));
    }

    @Test
    void contextsOfOtherPlatformsAreDroppedOnTheirOwnThreads() throws Exception {
        FakeContext first = new FakeContext(true);
        FakeContext second = new FakeContext(true);
        TaskThreads.TaskThread one = threads.reserve(0);
        TaskThreads.TaskThread two = threads.reserve(0);
        assertNotSame(one, two);
        one.leaveContext(first, platform, null);
        two.leaveContext(second, other, null);
        one.cancel();
        two.cancel();

        threads.dropContexts(other);

        assertTrue(first.closed);
        assertSame(one, first.closer);
        assertFalse(second.closed);

        threads.dropContexts(null);
        assertTrue(second.closed);
    }

    private static final class FakeContext implements GuestContext {
        private final boolean resets;
        volatile boolean closed;
        volatile Thread closer;

        FakeContext(boolean resets) {
            this.resets = resets;
        }

        @Override
        public Exit run(AddressSpace space, Registers registers) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void interrupt() {}

        @Override
        public int fpuBytes() {
            return 0;
        }

        @Override
        public void saveFpu(MemorySegment image) {}

        @Override
        public void restoreFpu(MemorySegment image) {}

        @Override
        public void resetFpu() {}

        @Override
        public void sleeping() {}

        @Override
        public void awake() {}

        @Override
        public boolean reset() {
            return resets;
        }

        @Override
        public void close() {
            assertFalse(closed);
            closer = Thread.currentThread();
            closed = true;
        }
    }

    private static final class FakePlatform extends NoPlatform {
        @Override
        public void close() {
            assertEquals("", "nobody closes a platform here");
        }
    }
}
