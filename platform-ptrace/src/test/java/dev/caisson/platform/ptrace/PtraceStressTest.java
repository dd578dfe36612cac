package dev.caisson.platform.ptrace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Families of tasks that fork, make threads, exec, map, sleep and interrupt each other all at once. */
@Timeout(300)
class PtraceStressTest {
    private static final long CODE = 0x10000;
    private static final long DATA = 0x20_0000;
    private static final long DURATION_NS = 4_000_000_000L;
    private static final int FAMILIES = 6;

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private PtracePlatform platform;
    private int file;
    private long deadline;

    @Test
    void familiesComeAndGo() throws Exception {
        file = (int) HostMemory.createFile("stress", 1);
        HostMemory.resize(file, 1 << 20);
        MemorySegment memory = HostMemory.mapFile(file, 0, 1 << 20, true);
        Assembler code = new Assembler();
        Label loop = code.here();
        byte[] bytes = code.load(Register.RDX, Register.RDI, 0).add(Register.RBX, 1).syscall().jump(loop).toBytes();
        memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        platform = new PtracePlatform();
        deadline = System.nanoTime() + DURATION_NS;

        List<Thread> families = new ArrayList<>();
        for (int i = 0; i < FAMILIES; i++) {
            families.add(start(() -> {
                while (System.nanoTime() < deadline) {
                    AddressSpace space = platform.newAddressSpace(file);
                    space.map(CODE, 4096, 0, 5, false);
                    live(space, 0);
                    space.close();
                }
            }));
        }
        for (Thread family : families) {
            family.join();
        }
        platform.close();
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(file);
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
        assertEquals(0, stubsOfOurs(), "stubs remain");
    }

    private void live(AddressSpace space, int depth) throws Exception {
        try (GuestContext context = platform.newContext()) {
            Registers registers = new Registers();
            registers.rip(CODE);
            registers.rdi(DATA);
            List<Thread> others = new ArrayList<>();
            AddressSpace child = null;
            ThreadLocalRandom random = ThreadLocalRandom.current();
            long calls = 0;
            Thread interrupter = start(() -> {
                for (int i = 0; i < 5; i++) {
                    Thread.sleep(0, random(300_000));
                    context.interrupt();
                }
            });
            for (int step = 0; step < 60; step++) {
                Exit exit = context.run(space, registers);
                if (exit instanceof Exit.Fault) {
                    space.map(DATA, 4096, 4096, 3, step % 2 == 0);
                } else if (exit == Exit.Plain.SYSCALL) {
                    assertEquals(++calls, registers.rbx());
                } else {
                    assertEquals(Exit.Plain.INTERRUPTED, exit);
                }
                switch (random.nextInt(20)) {
                    case 0 -> space.unmap(DATA, 4096);
                    case 1 -> {
                        context.sleeping();
                        Thread.sleep(0, random(100_000));
                        context.awake();
                    }
                    case 2 -> {
                        if (depth < 2 && child == null) {
                            AddressSpace made = space.fork(context);
                            child = made;
                            others.add(start(() -> {
                                live(made, depth + 1);
                                made.close();
                            }));
                        }
                    }
                    case 3 -> {
                        if (depth < 2) {
                            space.prepareContext(context);
                            others.add(start(() -> live(space, depth + 1)));
                        }
                    }
                    default -> { }
                }
            }
            for (Thread other : others) {
                other.join();
            }
            interrupter.join();
        }
    }

    private static int random(int bound) {
        return ThreadLocalRandom.current().nextInt(bound);
    }

    /** What a task does. */
    @FunctionalInterface
    private interface Body {
        void run() throws Exception;
    }

    private Thread start(Body body) {
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Throwable t) {
                failure.compareAndSet(null, t);
            }
        });
        thread.start();
        return thread;
    }

    private static long stubsOfOurs() throws Exception {
        String parent = " " + ProcessHandle.current().pid() + " ";
        long count = 0;
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                try {
                    String stat = Files.readString(process.resolve("stat"));
                    if (stat.contains("(caisson-stub)") && stat.substring(stat.lastIndexOf(')')).startsWith(parent, 3)) {
                        count++;
                    }
                } catch (IOException e) {
                    continue; // it ended while we looked
                }
            }
        }
        return count;
    }
}
