package dev.caisson.testing.bench;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;

/** Two guest threads that hand a futex word to each other. */
final class PingPong implements Script {
    static final String NAME = "futex ping-pong of two threads";

    private static final int CLONE = 56;
    private static final int FUTEX = 202;
    private static final int FUTEX_WAIT_PRIVATE = 128;
    private static final int FUTEX_WAKE_PRIVATE = 129;
    /** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM. */
    static final long THREAD = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000;
    private static final long ROUNDS = 2000;

    private final long word;
    private final int mine;
    private long left;

    private PingPong(long word, int mine, long rounds) {
        this.word = word;
        this.mine = mine;
        this.left = rounds;
    }

    static void measure(Guest guest, long durationNs) {
        long word = guest.memory(4096);
        guest.start(partner -> partner.run(new PingPong(word, 1, Long.MAX_VALUE)), CLONE, THREAD, guest.memory(4096) + 4096);
        long end = System.nanoTime() + durationNs;
        double least = Double.MAX_VALUE;
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            guest.run(new PingPong(word, 0, ROUNDS));
            least = Math.min(least, (double) (System.nanoTime() - start) / ROUNDS);
        }
        System.out.printf("%-40s %10.0f%n", NAME, least);
    }

    @Override
    public boolean next(Task task, Registers registers) {
        try {
            int seen = task.memory().readInt(word);
            if (seen != mine) {
                Call.of(Call.ANY, FUTEX, word, FUTEX_WAIT_PRIVATE, seen, 0).issue(registers);
                return true;
            }
            if (left-- == 0) {
                left = 0;
                return false;
            }
            task.memory().writeInt(word, 1 - mine);
            Call.of(Call.ANY, FUTEX, word, FUTEX_WAKE_PRIVATE, 1).issue(registers);
            return true;
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }
}
