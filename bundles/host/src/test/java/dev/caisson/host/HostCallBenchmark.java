package dev.caisson.host;

import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** What a host call costs: run it with and without {@code -Dcaisson.host.binding=jnr}, and compare with a loop in C. */
final class HostCallBenchmark {
    private static final int CALLS = 2_000_000;

    private HostCallBenchmark() {}

    private static long sink;

    public static void main(String[] arguments) {
        for (int round = 0; round < 3; round++) {
            report("getppid", () -> {
                for (int i = 0; i < CALLS; i++) {
                    sink += HostCalls.call(SyscallNumber.GETPPID);
                }
            });
            report("pread of 0 bytes", () -> {
                for (int i = 0; i < CALLS; i++) {
                    sink += HostFile.pread(0, 0, 0, 0);
                }
            });
            report("rdtsc", () -> {
                for (int i = 0; i < CALLS; i++) {
                    sink += HostTsc.read();
                }
            });
            report("openat of a missing name", () -> {
                for (int i = 0; i < CALLS / 10; i++) {
                    sink += HostPath.open(-100, "/does-not-exist", 0, 0);
                }
            });
        }
        System.out.println("sink " + sink);
    }

    private static void report(String what, Runnable loop) {
        long start = System.nanoTime();
        loop.run();
        long end = System.nanoTime();
        System.out.printf("%-28s %6.1f ns%n", what, (end - start) / (double) CALLS);
    }
}
