package dev.caisson.kernel;

import dev.caisson.kernel.event.InotifyQuota;
import dev.caisson.kernel.signal.SignalQuota;
import java.util.concurrent.atomic.AtomicInteger;

/** What is counted per user id. */
public final class UserAccount {
    private final SignalQuota signals = new SignalQuota();
    private final InotifyQuota inotify = new InotifyQuota();
    /** Tasks, for RLIMIT_NPROC. */
    final AtomicInteger tasks = new AtomicInteger();

    UserAccount() {}

    /** {@return queued signals and timers} */
    public SignalQuota signals() {
        return signals;
    }

    /** {@return inotify instances and watches} */
    public InotifyQuota inotify() {
        return inotify;
    }

    /** {@return how many tasks the user has} */
    public int taskCount() {
        return tasks.get();
    }
}
