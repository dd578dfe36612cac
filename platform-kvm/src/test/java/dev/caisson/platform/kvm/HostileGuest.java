package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.testing.kit.Await;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.opentest4j.TestAbortedException;

/** A guest process with one thread; its code, four pages with all rights, is common to all guests of a {@link Host}. */
final class HostileGuest implements AutoCloseable {
    static final long CODE = 0x10000;
    static final long DATA = 0x20000;
    static final long DATA_OFFSET = 0x10000;

    private static final long BRIEF_MS = 3;
    private static final long PATIENCE_S = Await.PATIENCE_S;

    /** A platform and a memory file. */
    static final class Host implements AutoCloseable {
        final KvmPlatform platform;
        final MemorySegment memory;
        private final int file;

        Host(int processors, Crowd crowd) throws ErrnoException {
            try {
                platform = new KvmPlatform(KvmPlatform.DEVICE, processors, crowd);
            } catch (KvmUnusableException e) {
                throw new TestAbortedException(e.getMessage());
            }
            file = (int) HostMemory.createFile("hostile", 1);
            HostMemory.resize(file, 1 << 20);
            memory = HostMemory.mapFile(file, 0, 1 << 20, true);
        }

        void program(int at, Assembler code) {
            bytes(at, code.toBytes());
        }

        void bytes(int at, byte[] bytes) {
            memory.asSlice(at, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        }

        @Override
        public void close() {
            platform.close();
            HostMemory.unmap(memory.address(), memory.byteSize());
            HostFile.close(file);
        }
    }

    final KvmAddressSpace space;
    final KvmContext context;
    final Registers registers = new Registers();
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("guest").factory());

    HostileGuest(Host host) throws ErrnoException {
        space = (KvmAddressSpace) host.platform.newAddressSpace(host.file);
        space.map(CODE, 4 * 4096, 0, 5, false);
        space.map(DATA, 4 * 4096, DATA_OFFSET, 3, false);
        context = (KvmContext) host.platform.newContext();
        at(0);
    }

    /** Goes on at an offset in the code, with flags and stack pointer as at the beginning. */
    Registers at(int offset) {
        registers.rip(CODE + offset);
        registers.rsp(DATA + 0x2000);
        registers.eflags(0x202);
        registers.cs(0x33);
        registers.origRax(-1);
        return registers;
    }

    /** Runs until something but an interrupt happens. */
    Exit run() throws ErrnoException {
        try {
            return onItsThread(() -> {
                Exit exit = runOnce();
                while (exit == Exit.Plain.INTERRUPTED) {
                    exit = runOnce();
                }
                return exit;
            });
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ErrnoException refused) {
                throw refused;
            }
            throw new AssertionError(e.getCause());
        }
    }

    /** Runs for a moment at most, and fails if the guest cannot be stopped. A host's refusal ends the guest, which is well. */
    void runBriefly() throws InterruptedException {
        Thread limit = new Thread(() -> {
            try {
                Thread.sleep(BRIEF_MS);
            } catch (InterruptedException e) {
                return;
            }
            context.interrupt();
        });
        limit.start();
        try {
            onItsThread(this::runOnce);
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof ErrnoException)) {
                throw new AssertionError(e.getCause());
            }
        } finally {
            limit.interrupt();
            limit.join();
        }
    }

    private Exit runOnce() throws ErrnoException {
        context.awake();
        try {
            return context.run(space, registers);
        } finally {
            context.sleeping(); // as tasks do before they wait; others may have the processor
        }
    }

    private <T> T onItsThread(Callable<T> action) throws ExecutionException {
        try {
            return thread.submit(action).get(PATIENCE_S, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("the guest cannot be stopped at " + Long.toHexString(registers.rip()), e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        try {
            onItsThread(() -> {
                context.close();
                return null;
            });
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        }
        thread.shutdown();
        space.close();
    }
}
