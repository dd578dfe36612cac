package dev.caisson.platform.kvm;

import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Run by hand: what a system call and a page fault cost, as medians and in the best case. */
final class KvmBenchmark {
    private static final long CODE = 0x10000;
    private static final long HOLE = 0x4000_0000L;
    private static final int CALLS = 20_000;
    private static final int FAULTS = 500;

    private KvmBenchmark() {}

    /**
     * Prints the figures.
     *
     * @param args none
     * @throws Exception when something fails
     */
    public static void main(String[] args) throws Exception {
        int file = (int) HostMemory.createFile("benchmark", 1);
        HostMemory.resize(file, 16 << 20);
        MemorySegment memory = HostMemory.mapFile(file, 0, 16 << 20, true);
        try (KvmPlatform platform = new KvmPlatform(); var space = platform.newAddressSpace(file);
             var context = platform.newContext()) {
            Assembler code = new Assembler();
            Label loop = code.here();
            byte[] bytes = code.syscall().jump(loop).toBytes();
            memory.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
            space.map(CODE, 4096, 0, 5, false);
            Registers registers = new Registers();
            registers.rip(CODE);
            for (int round = 0; round < 5; round++) {
                long[] times = new long[CALLS];
                for (int i = 0; i < CALLS; i++) {
                    long start = System.nanoTime();
                    Exit exit = context.run(space, registers);
                    times[i] = System.nanoTime() - start;
                    if (exit != Exit.Plain.SYSCALL) {
                        throw new IllegalStateException(exit.toString());
                    }
                }
                print("system call", times);
            }
            registers.rip(CODE + 0x100);
            byte[] load = {0x48, (byte) 0x8b, 0x07, (byte) 0xeb, (byte) 0xfb}; // mov rax, [rdi]; jmp -5
            memory.asSlice(0x100, load.length).copyFrom(MemorySegment.ofArray(load));
            registers.rdi(HOLE);
            long[] times = new long[FAULTS];
            for (int i = 0; i < FAULTS; i++) {
                long start = System.nanoTime();
                if (!(context.run(space, registers) instanceof Exit.Fault)) {
                    throw new IllegalStateException("no fault");
                }
                times[i] = System.nanoTime() - start;
            }
            print("page fault", times);
        }
    }

    private static void print(String what, long[] times) {
        long[] sorted = times.clone();
        Arrays.sort(sorted);
        System.out.printf("%s: best %d ns, median %d ns, 90%% %d ns, mean %d ns%n", what, sorted[0], sorted[sorted.length / 2],
            sorted[sorted.length * 9 / 10], Arrays.stream(times).sum() / times.length);
    }
}
