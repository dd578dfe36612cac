package dev.caisson.platform.ptrace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.Placement;
import dev.caisson.testing.kit.Await;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Where tasks run. */
@Timeout(300)
class ProcessorsTest {
    private static final long CODE = 0x10000;

    @Test
    void busyTasksSpreadAndTheirThreadsAreFreeAfterwards() throws Exception {
        int[] processors = HostScheduler.processors();
        assumeTrue(processors.length > 1, "one processor only");
        int file = (int) HostMemory.createFile("spread", 1);
        HostMemory.resize(file, 4096);
        MemorySegment memory = HostMemory.mapFile(file, 0, 4096, true);
        Assembler code = new Assembler();
        Label loop = code.here();
        byte[] bytes = code.jump(loop).toBytes();
        memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));

        PtracePlatform platform = new PtracePlatform();
        AddressSpace space = platform.newAddressSpace(file);
        space.map(CODE, 4096, 0, 5, false);
        List<PtraceContext> contexts = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        CountDownLatch started = new CountDownLatch(2);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < 2; i++) {
            PtraceContext context = (PtraceContext) platform.newContext();
            contexts.add(context);
            Thread thread = new Thread(() -> {
                try (context) {
                    HostScheduler.pin(0, processors[0]); // as if the same task had made both
                    started.countDown();
                    Registers registers = new Registers();
                    registers.rip(CODE);
                    assertEquals(Exit.Plain.INTERRUPTED, context.run(space, registers));
                } catch (Throwable t) {
                    failure.set(t);
                }
            });
            threads.add(thread);
            thread.start();
        }
        started.await();
        Placement first = contexts.get(0).placement();
        Placement second = contexts.get(1).placement();
        Await.until(() -> first.place() != second.place() && first.place() >= 0 && second.place() >= 0, "both stay on one processor");
        for (PtraceContext context : contexts) {
            context.interrupt();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        space.close();
        platform.close();
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(file);
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    @Test
    void aChildStartsOnItsParentsProcessor() throws Exception {
        int[] processors = HostScheduler.processors();
        assumeTrue(processors.length > 1, "one processor only");
        int file = (int) HostMemory.createFile("beside", 1);
        HostMemory.resize(file, 4096);
        MemorySegment memory = HostMemory.mapFile(file, 0, 4096, true);
        byte[] bytes = new Assembler().syscall().toBytes();
        memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        PtracePlatform platform = new PtracePlatform();
        AddressSpace space = platform.newAddressSpace(file);
        space.map(CODE, 4096, 0, 5, false);
        PtraceContext parent = (PtraceContext) platform.newContext();
        PtraceContext child = (PtraceContext) platform.newContext();
        CountDownLatch isReset = new CountDownLatch(1);
        CountDownLatch isPlaced = new CountDownLatch(1);
        Thread thread = new Thread(() -> {
            try (child) {
                runOnce(child, space);
                child.reset();
                isReset.countDown();
                isPlaced.await();
            } catch (ErrnoException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        thread.start();
        isReset.await();
        runOnce(parent, space);
        for (int place = 0; place < processors.length; place++) {
            parent.placement().place(place);
            child.startBeside(parent);
            assertEquals(place, child.placement().place());
        }
        isPlaced.countDown();
        thread.join();
        parent.close();
        space.close();
        platform.close();
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(file);
    }

    private static void runOnce(PtraceContext context, AddressSpace space) throws ErrnoException {
        Registers registers = new Registers();
        registers.rip(CODE);
        assertEquals(Exit.Plain.SYSCALL, context.run(space, registers));
    }
}
