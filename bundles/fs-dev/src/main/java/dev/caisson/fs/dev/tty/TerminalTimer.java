package dev.caisson.fs.dev.tty;

import dev.caisson.spi.wait.WaitQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Wakes readers whose time (VTIME) ran out. */
final class TerminalTimer {
    private static final class Holder {
        static final ScheduledExecutorService EXECUTOR = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(null, work, "terminal timer", 128 << 10);
            thread.setDaemon(true);
            return thread;
        });
    }

    private TerminalTimer() {}

    static void notifyAfter(long delayNs, WaitQueue queue, int events) {
        Holder.EXECUTOR.schedule(() -> queue.notify(events), delayNs, TimeUnit.NANOSECONDS);
    }
}
