package dev.caisson.platform.systrap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostSignal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.mailbox.Turn;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.StubCode;
import dev.caisson.testing.platform.ChildJvm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How stub processes of this platform come and go. */
@Timeout(600)
class SystrapProcessTest {
    private static final long CODE = 0x10000;

    @Test
    void noStubSurvivesTheJvm() throws Exception {
        for (int round = 0; round < 3; round++) {
            try (ChildJvm victim = new ChildJvm(Victim.class, SystrapPlatform.class, StubCode.class, Turn.class)) {
                List<ProcessHandle> stubs = victim.children();
                assertTrue(stubs.size() >= Victim.GUESTS, () -> stubs.size() + " stub processes");
                assertEquals(List.of(), victim.killAndAwait(stubs));
            }
        }
    }

    @Test
    void guestsInParallelThatForkAndEndLeaveNothing() throws Exception {
        Host host = new Host();
        AtomicInteger calls = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try (SystrapContext context = (SystrapContext) host.platform.newContext()) {
                    for (int round = 0; round < 60; round++) {
                        SystrapAddressSpace parent = host.newSpace();
                        calls.addAndGet(host.call(context, parent));
                        parent.prepareContext(context);
                        SystrapAddressSpace child = (SystrapAddressSpace) parent.fork(context);
                        calls.addAndGet(host.call(context, child));
                        calls.addAndGet(host.call(context, parent));
                        parent.close();
                        calls.addAndGet(host.call(context, child));
                        assertTrue(context.reset());
                        child.close();
                    }
                } catch (ErrnoException | RuntimeException | AssertionError e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
        assertEquals(8 * 60 * 4, calls.get());
        host.close();
        assertEquals(List.of(), ProcessHandle.current().children().map(ProcessHandle::pid).filter(host.made::contains).toList());
    }

    @Test
    void aKilledStubEndsRunWithAnError() throws Exception {
        Host host = new Host();
        SystrapAddressSpace space = host.newSpace();
        SystrapContext context = (SystrapContext) host.platform.newContext();
        assertEquals(1, host.call(context, space));
        assertEquals(0, HostSignal.kill(space.process().processId(), Signals.SIGKILL));
        Registers registers = new Registers();
        registers.rip(CODE);
        ErrnoException lost = assertThrows(ErrnoException.class, () -> context.run(space, registers));
        assertEquals(Errno.ESRCH, lost.errno());
        assertThrows(ErrnoException.class, () -> space.map(0x100000, 4096, 4096, 3, false));
        space.unmap(0x100000, 4096);
        context.close();
        space.close();
        host.close();
    }

    /** A platform, and a memory file that begins with a call. */
    private static final class Host {
        final SystrapPlatform platform;
        final int file = (int) HostMemory.createFile("processes", 1);
        final MemorySegment memory;
        final List<Long> made = new ArrayList<>();

        Host() throws ErrnoException {
            HostMemory.resize(file, 1 << 20);
            memory = HostMemory.mapFile(file, 0, 1 << 20, true);
            platform = new SystrapPlatform();
            program(new Assembler().syscall());
        }

        void program(Assembler code) {
            byte[] bytes = code.toBytes();
            memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        }

        SystrapAddressSpace newSpace() throws ErrnoException {
            SystrapAddressSpace space = (SystrapAddressSpace) platform.newAddressSpace(file);
            space.map(CODE, 4096, 0, 7, false);
            synchronized (made) {
                made.add((long) space.process().processId());
            }
            return space;
        }

        /** {@return how many calls the guest made as expected: one} */
        int call(SystrapContext context, SystrapAddressSpace space) throws ErrnoException {
            Registers registers = new Registers();
            registers.rip(CODE);
            registers.rax(39);
            return context.run(space, registers) == Exit.Plain.SYSCALL && registers.origRax() == 39 ? 1 : 0;
        }

        void close() {
            platform.close();
            HostMemory.unmap(memory.address(), memory.byteSize());
            HostFile.close(file);
        }
    }

    /** A JVM with stubs in all states: running, waiting for their turn, withdrawn from a guest, and made an instant ago. */
    static final class Victim {
        static final int GUESTS = 6;

        private Victim() {}

        public static void main(String[] arguments) throws Exception {
            Host host = new Host();
            SystrapContext own = (SystrapContext) host.platform.newContext();
            SystrapAddressSpace over = host.newSpace();
            host.call(own, over);
            own.reset();
            SystrapAddressSpace waiting = host.newSpace();
            host.call(own, waiting);
            over.close();
            Assembler spin = new Assembler();
            Label loop = spin.here();
            host.program(spin.jump(loop));
            CountDownLatch running = new CountDownLatch(GUESTS);
            for (int i = 0; i < GUESTS; i++) {
                SystrapAddressSpace space = host.newSpace();
                Thread guest = new Thread(() -> {
                    Registers registers = new Registers();
                    registers.rip(CODE);
                    try (SystrapContext context = (SystrapContext) host.platform.newContext()) {
                        running.countDown();
                        context.run(space, registers);
                    } catch (ErrnoException e) {
                        System.err.println("victim: " + e);
                    }
                });
                guest.setDaemon(true);
                guest.start();
            }
            running.await();
            waiting.fork(own);
            System.out.println(ChildJvm.READY);
            new CountDownLatch(1).await();
        }
    }
}
