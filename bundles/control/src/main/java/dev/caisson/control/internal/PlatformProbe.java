package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.control.SandboxException;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Finds out whether a platform runs guest code on this host, and how fast it crosses into the kernel. A guest of a few instructions
 * stores a word and makes system calls; a platform that fails, or does not answer, says so here and not under a program. What counts is a
 * mixture of calls and page faults: there are platforms that are good at one of them only.
 */
public final class PlatformProbe {
    /** On a crowded host, each wake-up and each change of a virtual machine takes its time. */
    private static final long TIMEOUT_MS = 15_000;
    /** A measurement ends after so many calls or so much time, whichever is first. */
    private static final int CALLS = 400;
    private static final int FAULTS = 100;
    private static final long MEASURE_NS = 15_000_000;
    /** Measurements, of which the best counts: in company, a platform may give up what makes it fast for a while. */
    private static final int ROUNDS = 3;
    /** For each fault, a program that has been running for a while makes about so many calls. */
    private static final int CALLS_PER_FAULT = 4;

    private static final long PAGE = 4096;
    private static final long CODE_ADDRESS = 0x10000;
    private static final long DATA_ADDRESS = 0x20000;
    private static final int GETPID = 39;
    private static final long MARK = 0x5ca1ab1e0ddba115L;
    /** A loop; rdi points to the data, rsi is the mark, rbx must survive. */
    private static final byte[] CODE = {
        0x48, (byte) 0x89, 0x37, // mov %rsi,(%rdi)
        (byte) 0xb8, GETPID, 0, 0, 0, // mov $39,%eax
        0x0f, 0x05, // syscall
        (byte) 0xeb, (byte) 0xf4, // jmp to the start
    };
    private static final int CALL_END = 10;

    private PlatformProbe() {}

    /**
     * Checks that a platform works.
     *
     * @param platform the platform
     * @param memoryFile where the guest's two pages come from
     * @throws SandboxException when it does not; the message says what happened
     */
    public static void check(Platform platform, MemoryFile memoryFile) throws SandboxException {
        run(platform, memoryFile, false);
    }

    /**
     * Checks that a platform works, and measures it for some milliseconds.
     *
     * @param platform the platform
     * @param memoryFile where the guest's two pages come from
     * @return mean time of an event there and back, in nanoseconds
     * @throws SandboxException when it does not work; the message says what happened
     */
    public static long measureNs(Platform platform, MemoryFile memoryFile) throws SandboxException {
        return run(platform, memoryFile, true);
    }

    private static long run(Platform platform, MemoryFile memoryFile, boolean measures) throws SandboxException {
        // On a thread of its own: a context belongs to its thread, and nobody waits for ever for a platform that hangs.
        CompletableFuture<Long> result = new CompletableFuture<>();
        GuestContext[] running = new GuestContext[1];
        Thread thread = new Thread(() -> {
            try {
                result.complete(new Guest(platform, memoryFile).probe(running, measures));
            } catch (ErrnoException | RuntimeException | SandboxException e) {
                result.completeExceptionally(e);
            }
        }, "platform probe");
        thread.setDaemon(true);
        thread.start();
        try {
            return result.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            synchronized (running) {
                if (running[0] != null) {
                    running[0].interrupt();
                }
            }
            throw new SandboxException("platform " + platform.name() + " does not work here: its test program did not answer within "
                    + TIMEOUT_MS + " ms", e);
        } catch (ExecutionException e) {
            throw new SandboxException("platform " + platform.name() + " does not work here: " + e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException("interrupted while platform " + platform.name() + " was tested", e);
        }
    }

    /** The test program. */
    private static final class Guest {
        private final Platform platform;
        private final MemoryFile memoryFile;
        private final Registers registers = new Registers();

        Guest(Platform platform, MemoryFile memoryFile) {
            this.platform = platform;
            this.memoryFile = memoryFile;
        }

        long probe(GuestContext[] running, boolean measures) throws ErrnoException, SandboxException {
            long pages = memoryFile.allocate(2);
            try (AddressSpace space = platform.newAddressSpace(memoryFile.fd())) {
                MemorySegment memory = memoryFile.segment();
                MemorySegment.copy(CODE, 0, memory, ValueLayout.JAVA_BYTE, pages, CODE.length);
                space.map(CODE_ADDRESS, PAGE, pages, Mman.PROT_READ | Mman.PROT_EXEC, false);
                space.map(DATA_ADDRESS, PAGE, pages + PAGE, Mman.PROT_READ | Mman.PROT_WRITE, false);
                long best = Long.MAX_VALUE;
                for (int round = 0; round < (measures ? ROUNDS : 1); round++) {
                    best = Math.min(best, round(running, space, pages + PAGE, measures));
                }
                return best;
            } finally {
                memoryFile.release(pages, 2);
            }
        }

        private long round(GuestContext[] running, AddressSpace space, long data, boolean measures) throws ErrnoException, SandboxException {
            try (GuestContext context = platform.newContext()) {
                synchronized (running) {
                    running[0] = context;
                }
                try {
                    registers.rip(CODE_ADDRESS);
                    registers.rsp(DATA_ADDRESS + PAGE - 256);
                    registers.cs(0x33);
                    registers.ss(0x2b);
                    registers.eflags(0x202);
                    registers.rdi(DATA_ADDRESS);
                    registers.rsi(MARK);
                    registers.rbx(MARK + 1);
                    call(context, space);
                    if (memoryFile.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, data) != MARK) {
                        throw new SandboxException("what its test program stored did not arrive", null);
                    }
                    if (!measures) {
                        return 0;
                    }
                    return (CALLS_PER_FAULT * measureCalls(context, space) + measureFaults(context, space, data)) / (CALLS_PER_FAULT + 1);
                } finally {
                    synchronized (running) {
                        running[0] = null; // closed from here on
                    }
                }
            }
        }

        private Exit run(GuestContext context, AddressSpace space) throws ErrnoException {
            Exit exit = context.run(space, registers);
            for (int spurious = 0; exit == Exit.Plain.INTERRUPTED && spurious < 100; spurious++) {
                exit = context.run(space, registers);
            }
            return exit;
        }

        private void call(GuestContext context, AddressSpace space) throws ErrnoException, SandboxException {
            Exit exit = run(context, space);
            if (exit != Exit.Plain.SYSCALL || (int) registers.origRax() != GETPID || registers.rip() != CODE_ADDRESS + CALL_END
                    || registers.rbx() != MARK + 1) {
                throw stopped(exit, "a system call");
            }
            registers.rax(1);
        }

        private void fault(GuestContext context, AddressSpace space) throws ErrnoException, SandboxException {
            Exit exit = run(context, space);
            if (!(exit instanceof Exit.Fault fault) || fault.address() != DATA_ADDRESS) {
                throw stopped(exit, "a page fault");
            }
        }

        private SandboxException stopped(Exit exit, String wanted) {
            return new SandboxException("its test program stopped with " + describe(exit) + " at 0x" + Long.toHexString(registers.rip())
                    + " instead of " + wanted, null);
        }

        private static String describe(Exit exit) {
            return exit instanceof Exit.Fault fault ? "a fault at 0x" + Long.toHexString(fault.address()) : exit.toString();
        }

        /** The fastest call counts: the others had company. */
        private long measureCalls(GuestContext context, AddressSpace space) throws ErrnoException, SandboxException {
            long end = System.nanoTime() + MEASURE_NS;
            long best = Long.MAX_VALUE;
            long before = System.nanoTime();
            for (int i = 0; i < CALLS && before < end; i++) {
                call(context, space);
                long now = System.nanoTime();
                best = Math.min(best, now - before);
                before = now;
            }
            return best;
        }

        /** The fault, what the kernel would do about it, and the way back; the unmapping before it does not count. */
        private long measureFaults(GuestContext context, AddressSpace space, long page) throws ErrnoException, SandboxException {
            long end = System.nanoTime() + MEASURE_NS;
            long best = Long.MAX_VALUE;
            for (int i = 0; i < FAULTS && System.nanoTime() < end; i++) {
                space.unmap(DATA_ADDRESS, PAGE);
                long before = System.nanoTime();
                fault(context, space);
                space.map(DATA_ADDRESS, PAGE, page, Mman.PROT_READ | Mman.PROT_WRITE, false);
                call(context, space);
                best = Math.min(best, System.nanoTime() - before);
            }
            return best;
        }
    }
}
