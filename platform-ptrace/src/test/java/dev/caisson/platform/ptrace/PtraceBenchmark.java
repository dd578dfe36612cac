package dev.caisson.platform.ptrace;

import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/** What the platform's operations cost here, in microseconds. */
final class PtraceBenchmark {
    private static final long CODE = 0x10000;
    private static final int MEMORY_BYTES = 64 << 20;

    private PtraceBenchmark() {}

    public static void main(String[] arguments) throws Exception {
        int fd = (int) HostMemory.createFile("benchmark", 1);
        HostMemory.resize(fd, MEMORY_BYTES);
        MemorySegment memory = HostMemory.mapFile(fd, 0, MEMORY_BYTES, true);
        Assembler code = new Assembler();
        Label loop = code.here();
        code.mov(Register.RAX, 110).syscall().jump(loop);
        memory.asSlice(0, code.offset()).copyFrom(MemorySegment.ofArray(code.toBytes()));

        long start = System.nanoTime();
        PtracePlatform platform = new PtracePlatform();
        AddressSpace space = platform.newAddressSpace(fd);
        System.out.printf("platform and first space  %8.1f us%n", (System.nanoTime() - start) / 1e3);
        space.map(CODE, 4096, 0, 5, false);
        GuestContext context = platform.newContext();
        Registers registers = new Registers();
        registers.rip(CODE);
        start = System.nanoTime();
        Exit exit = context.run(space, registers);
        System.out.printf("first run                 %8.1f us, %s%n", (System.nanoTime() - start) / 1e3, exit);

        for (int round = 0; round < 3; round++) {
            int count = 50_000;
            start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                registers.rax(1);
                if (context.run(space, registers) != Exit.Plain.SYSCALL) {
                    throw new AssertionError();
                }
            }
            report("system call round trip", start, count);

            count = 5_000;
            start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                space.map(0x100000, 16 * 4096, 65536, 3, false);
            }
            report("map 16 pages, own thread", start, count);
            start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                space.unmap(0x100000, 16 * 4096);
            }
            report("unmap 16 pages, own thread", start, count);
            Thread other = new Thread(() -> {
                long begin = System.nanoTime();
                for (int i = 0; i < 2000; i++) {
                    space.unmap(0x100000, 16 * 4096);
                }
                report("unmap, another thread", begin, 2000);
            });
            other.start();
            other.join();

            count = 200;
            AddressSpace[] children = new AddressSpace[count];
            start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                children[i] = space.fork(context);
            }
            report("fork", start, count);
            for (AddressSpace child : children) {
                child.close();
            }
            Thread.sleep(300);
            start = System.nanoTime();
            for (int i = 0; i < count; i++) {
                children[i] = platform.newAddressSpace(fd);
            }
            report("new address space", start, count);
            for (AddressSpace child : children) {
                child.close();
            }
            Thread.sleep(300);
            newContexts(platform, space, context, registers, true);
            newContexts(platform, space, context, registers, false);
            forkRunExit(platform, space, context, registers);
        }
        context.close();
        space.close();
        platform.close();
    }

    private static void newContexts(PtracePlatform platform, AddressSpace space, GuestContext context, Registers registers,
                                    boolean prepare) throws Exception {
        int count = 200;
        long[] run = new long[1];
        long prepared = 0;
        for (int i = 0; i < count; i++) {
            long start = System.nanoTime();
            if (prepare) {
                space.prepareContext(context);
            }
            prepared += System.nanoTime() - start;
            Thread thread = new Thread(() -> {
                try {
                    Registers mine = new Registers();
                    mine.copyFrom(registers);
                    long begin = System.nanoTime();
                    GuestContext other = platform.newContext();
                    other.run(space, mine);
                    run[0] += System.nanoTime() - begin;
                    other.close();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            thread.start();
            thread.join();
        }
        System.out.printf("%-25s %8.1f us + prepare %.1f us%n", prepare ? "context, prepared" : "context, unprepared",
            run[0] / 1e3 / count, prepared / 1e3 / count);
    }

    private static void forkRunExit(PtracePlatform platform, AddressSpace space, GuestContext context, Registers registers)
            throws Exception {
        int count = 200;
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            AddressSpace child = space.fork(context);
            Thread thread = new Thread(() -> {
                try {
                    Registers mine = new Registers();
                    mine.copyFrom(registers);
                    GuestContext other = platform.newContext();
                    other.run(child, mine);
                    other.close();
                    child.close();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            thread.start();
            thread.join();
        }
        report("fork, thread, run, close", start, count);
    }

    private static void report(String what, long start, int count) {
        System.out.printf("%-25s %8.1f us%n", what, (System.nanoTime() - start) / 1e3 / count);
    }
}
