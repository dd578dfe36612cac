package dev.caisson.kernel.event;

import java.util.concurrent.atomic.AtomicInteger;

/** How many inotify instances and watches one user has. What is counted belongs to whoever made the instance, whoever uses it. */
public final class InotifyQuota {
    /** /proc/sys/fs/inotify/max_user_instances. */
    public static final int MAX_INSTANCES = 128;
    /** /proc/sys/fs/inotify/max_user_watches. */
    public static final int MAX_WATCHES = 65536;

    private final int maxInstances;
    private final int maxWatches;
    private final AtomicInteger instances = new AtomicInteger();
    private final AtomicInteger watches = new AtomicInteger();

    /** Makes a quota of which nothing is used. */
    public InotifyQuota() {
        this(MAX_INSTANCES, MAX_WATCHES);
    }

    InotifyQuota(int maxInstances, int maxWatches) {
        this.maxInstances = maxInstances;
        this.maxWatches = maxWatches;
    }

    /** {@return whether one more instance was allowed and is counted now} */
    boolean takeInstance() {
        return take(instances, maxInstances);
    }

    void giveInstance() {
        instances.decrementAndGet();
    }

    /** {@return whether one more watch was allowed and is counted now} */
    boolean takeWatch() {
        return take(watches, maxWatches);
    }

    void giveWatches(int count) {
        watches.addAndGet(-count);
    }

    private static boolean take(AtomicInteger used, int most) {
        if (used.incrementAndGet() <= most) {
            return true;
        }
        used.decrementAndGet();
        return false;
    }
}
