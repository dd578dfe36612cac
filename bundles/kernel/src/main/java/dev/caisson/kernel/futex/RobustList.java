package dev.caisson.kernel.futex;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;

/**
 * What happens to futexes when a task gives its memory up: robust locks are marked, PI locks handed over, and the word of
 * CLONE_CHILD_CLEARTID is cleared. The lists are the guest's and may be broken or endless.
 */
public final class RobustList {
    /** sizeof(struct robust_list_head): next (0), futex_offset (8), list_op_pending (16). */
    public static final long HEAD_BYTES = 24;

    private RobustList() {}

    /**
     * Releases all futexes of a task that exits or executes another program. Runs on its own thread; its memory is still there.
     *
     * @param table the queues
     * @param task the task
     * @param memory the memory it gives up
     */
    public static void release(FutexTable table, Task task, MemoryManager memory) {
        TaskFutexes futexes = task.attachments().of(TaskFutexes.class, null);
        if (futexes != null) {
            long head = futexes.robustList();
            futexes.robustList(0);
            if (head != 0) {
                walk(table, task, memory, head);
            }
            table.locks().ownerDies(task);
        }
        long clear = task.clearChildTid();
        task.clearChildTid(0);
        if (clear != 0 && memory.users() > 1) {
            try {
                memory.writeInt(clear, 0);
                table.wake(memory, clear, true, 1, Futex.FUTEX_BITSET_MATCH_ANY);
            } catch (ErrnoException fault) {
                // As in Linux: whoever waits there has taken the word away.
                return;
            }
        }
    }

    private static void walk(FutexTable table, Task task, MemoryManager memory, long head) {
        try {
            long next = memory.readLong(head);
            long offset = memory.readLong(head + 8);
            long pending = memory.readLong(head + 16);
            long pendingEntry = pending & ~1L;
            int limit = Futex.ROBUST_LIST_LIMIT;
            long entry = next;
            while ((entry & ~1L) != head && limit-- > 0) {
                long address = entry & ~1L;
                boolean pi = (entry & 1) != 0;
                // Read the next link first: once the lock is free, its owner may free the entry.
                long following = 0;
                boolean readable = true;
                try {
                    following = memory.readLong(address);
                } catch (ErrnoException fault) {
                    readable = false;
                }
                if (address != pendingEntry && !ownerDied(table, task, memory, address + offset, pi, false)) {
                    return;
                }
                if (!readable) {
                    break;
                }
                entry = following;
            }
            if (pendingEntry != 0) {
                ownerDied(table, task, memory, pendingEntry + offset, (pending & 1) != 0, true);
            }
        } catch (ErrnoException fault) {
            // A head that cannot be read releases nothing.
            return;
        }
    }

    /** Marks one lock (Linux: handle_futex_death); false ends the walk. */
    private static boolean ownerDied(FutexTable table, Task task, MemoryManager memory, long address, boolean pi, boolean pending) {
        if ((address & 3) != 0) {
            return false;
        }
        try {
            while (true) {
                int word = memory.loadInt(address);
                int owner = word & Futex.FUTEX_TID_MASK;
                if (pending && !pi && owner == 0) {
                    // It died between unlocking and waking.
                    table.wake(memory, address, true, 1, Futex.FUTEX_BITSET_MATCH_ANY);
                    return true;
                }
                if (owner != task.tid()) {
                    return true;
                }
                int died = word & Futex.FUTEX_WAITERS | Futex.FUTEX_OWNER_DIED;
                if (memory.compareAndSetInt(address, word, died)) {
                    if (!pi && (word & Futex.FUTEX_WAITERS) != 0) {
                        table.wake(memory, address, true, 1, Futex.FUTEX_BITSET_MATCH_ANY);
                    }
                    return true;
                }
            }
        } catch (ErrnoException fault) {
            return false;
        }
    }
}
