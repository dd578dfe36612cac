package dev.caisson.kernel.futex;

import dev.caisson.kernel.Task;
import dev.caisson.memory.FutexKey;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What futexes keep per task. Belongs to the task's own thread, but for the locks it owns. */
public final class TaskFutexes {
    final FutexWaiter waiter;
    private volatile long robustList;
    /** Contended PI futexes that the task owns: their keys. Guarded by itself, a leaf. */
    private final Map<FutexKey, PiState> owned = new HashMap<>(2);

    private TaskFutexes(Task task) {
        waiter = new FutexWaiter(task.waiter(), task);
    }

    /**
     * The futex state of a task.
     *
     * @param task the task
     * @return its state, made when it is first asked for
     */
    public static TaskFutexes of(Task task) {
        return task.attachments().of(TaskFutexes.class, () -> new TaskFutexes(task));
    }

    /** {@return address of struct robust_list_head, 0 for none; any thread} */
    public long robustList() {
        return robustList;
    }

    /**
     * set_robust_list(2).
     *
     * @param head guest address
     */
    public void robustList(long head) {
        robustList = head;
    }

    void own(FutexKey key, PiState state) {
        synchronized (owned) {
            owned.put(key, state);
        }
    }

    void disown(FutexKey key) {
        synchronized (owned) {
            owned.remove(key);
        }
    }

    Collection<FutexKey> ownedKeys() {
        synchronized (owned) {
            return List.copyOf(owned.keySet());
        }
    }
}
