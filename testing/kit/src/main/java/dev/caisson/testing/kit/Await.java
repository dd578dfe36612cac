package dev.caisson.testing.kit;

import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * Waits for what others do. A test that waits for an event may take as long as the machine needs; only one that waits in vain is to
 * end, and that may take its time as well.
 */
public final class Await {
    /** Nothing that happens at all takes longer, however many others have the processors. */
    public static final long PATIENCE_S = 180;

    private Await() {}

    /**
     * Waits until a condition holds.
     *
     * @param condition what is waited for; looked at every millisecond
     * @param what says so when it does not come
     * @throws Exception what the condition throws
     */
    public static void until(Callable<Boolean> condition, String what) throws Exception {
        long start = System.nanoTime();
        while (!condition.call()) {
            if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(PATIENCE_S)) {
                throw new AssertionError("waited in vain: " + what);
            }
            TimeUnit.MILLISECONDS.sleep(1);
        }
    }
}
