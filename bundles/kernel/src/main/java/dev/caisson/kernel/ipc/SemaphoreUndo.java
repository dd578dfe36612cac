package dev.caisson.kernel.ipc;

import dev.caisson.kernel.ProcessAttachments;
import dev.caisson.kernel.Task;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a process owes to semaphores because of SEM_UNDO; paid when it exits. Attached to the process. Linux keeps a list per thread
 * unless CLONE_SYSVSEM shares it, as pthread_create does.
 */
public final class SemaphoreUndo implements ProcessAttachments.Lifecycle {
    private static final int MAX_ADJUSTMENT = 32767;

    /** Values of each set are guarded by the set's lock, the map by its monitor. */
    private final Map<SemaphoreSet, int[]> adjustments = new IdentityHashMap<>();

    /** Makes an empty list. */
    public SemaphoreUndo() {}

    private int[] of(SemaphoreSet set) {
        synchronized (adjustments) {
            return adjustments.get(set);
        }
    }

    boolean accepts(SemaphoreSet set, int number, int change) {
        int[] values = of(set);
        int next = (values == null ? 0 : values[number]) + change;
        return next >= -MAX_ADJUSTMENT - 1 && next <= MAX_ADJUSTMENT;
    }

    void add(SemaphoreSet set, int number, int change) {
        int[] values;
        synchronized (adjustments) {
            values = adjustments.computeIfAbsent(set, key -> new int[key.count()]);
        }
        values[number] += change;
        set.addUndoLocked(this);
    }

    void forget(SemaphoreSet set, int number) {
        int[] values = of(set);
        if (values != null) {
            values[number] = 0;
        }
    }

    void forgetAll(SemaphoreSet set) {
        synchronized (adjustments) {
            adjustments.remove(set);
        }
    }

    /** Pays. */
    void pay(int pid) {
        List<Map.Entry<SemaphoreSet, int[]>> all;
        synchronized (adjustments) {
            all = new ArrayList<>(adjustments.size());
            adjustments.forEach((set, values) -> all.add(Map.entry(set, values)));
            adjustments.clear();
        }
        for (Map.Entry<SemaphoreSet, int[]> each : all) {
            each.getKey().undo(this, each.getValue(), pid);
        }
    }

    @Override
    public void processExits(Task task) {
        pay(task.process().pid());
    }
}
