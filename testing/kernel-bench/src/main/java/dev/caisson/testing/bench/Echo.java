package dev.caisson.testing.bench;

import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;

/** A client and a server of two threads: a request over a UNIX socket, which the server awaits by epoll_wait(2), and its answer. */
final class Echo implements Script {
    static final String NAME = "request+answer of two threads, epoll";

    private static final int READ = 0, WRITE = 1, CLONE = 56, EPOLL_WAIT = 232;
    private static final long ROUNDS = 1000;

    private final Call[] calls;
    private long left;
    private int at = -1;

    private Echo(long rounds, Call... calls) {
        this.calls = calls;
        this.left = rounds;
    }

    static void measure(Guest guest, long durationNs) {
        int[] ends = Rows.sockets(guest, 1);
        long set = guest.must(291, 0);
        Rows.watch(guest, set, ends[0], 1);
        long memory = guest.memory(4096);
        Echo server = new Echo(Long.MAX_VALUE, Call.of(1, EPOLL_WAIT, set, memory + 512, 128, -1), Call.of(64, READ, ends[0], memory, 2048),
                Call.of(5, WRITE, ends[0], memory, 5));
        guest.start(partner -> partner.run(server), CLONE, PingPong.THREAD, guest.memory(4096) + 4096);
        long end = System.nanoTime() + durationNs;
        double least = Double.MAX_VALUE;
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            guest.run(new Echo(ROUNDS, Call.of(64, WRITE, ends[1], memory + 1024, 64), Call.of(5, READ, ends[1], memory + 1536, 2048)));
            least = Math.min(least, (double) (System.nanoTime() - start) / ROUNDS);
        }
        System.out.printf("%-40s %10.0f%n", NAME, least);
    }

    @Override
    public boolean next(Task task, Registers registers) {
        if (at >= 0) {
            calls[at].check(registers.rax());
        }
        if (++at == calls.length) {
            at = 0;
            if (--left == 0) {
                return false;
            }
        }
        calls[at].issue(registers);
        return true;
    }
}
