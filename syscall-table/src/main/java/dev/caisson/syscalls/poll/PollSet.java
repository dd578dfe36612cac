package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.ERESTARTNOHAND;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLNVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FileDescription;
import java.util.Arrays;

/** Descriptors with the events that interest, for one call of poll(2) or select(2). */
final class PollSet {
    private int[] fds;
    private int[] wanted;
    private int[] found;
    private int count;

    PollSet(int expected) {
        int size = Math.max(4, expected);
        fds = new int[size];
        wanted = new int[size];
        found = new int[size];
    }

    void add(int fd, int events) {
        if (count == fds.length) {
            fds = Arrays.copyOf(fds, count * 2);
            wanted = Arrays.copyOf(wanted, count * 2);
            found = Arrays.copyOf(found, count * 2);
        }
        fds[count] = fd;
        wanted[count] = events | POLLERR | POLLHUP;
        count++;
    }

    int count() {
        return count;
    }

    int fd(int index) {
        return fds[index];
    }

    int found(int index) {
        return found[index];
    }

    /**
     * Waits until a descriptor has an event.
     *
     * @param deadlineNs when to give up; 0 not to wait
     * @return how many have; 0 when the time is over
     * @throws ErrnoException ERESTARTNOHAND
     */
    int await(Task task, long deadlineNs) throws ErrnoException {
        int ready = look(task);
        if (ready > 0 || deadlineNs == 0) {
            return ready;
        }
        FileDescription[] watched = new FileDescription[count];
        try {
            register(task, watched);
            while (true) {
                ready = look(task, watched);
                if (ready > 0) {
                    return ready;
                }
                if (!task.block(deadlineNs)) {
                    return look(task, watched);
                }
            }
        } catch (ErrnoException interrupted) {
            throw ERESTARTNOHAND.error();
        } finally {
            unregister(task, watched);
        }
    }

    /** One look without waiting: no references are kept. */
    private int look(Task task) {
        int ready = 0;
        for (int i = 0; i < count; i++) {
            int events = 0;
            if (fds[i] >= 0) {
                FileDescription description = task.fds().peek(fds[i]);
                if (description == null || description.isPath() || !description.tryRetain()) {
                    events = POLLNVAL;
                } else {
                    try {
                        events = description.file().readiness(wanted[i]) & wanted[i];
                    } finally {
                        description.release();
                    }
                }
            }
            found[i] = events;
            ready += events != 0 ? 1 : 0;
        }
        return ready;
    }

    private void register(Task task, FileDescription[] watched) {
        for (int i = 0; i < count; i++) {
            FileDescription description = fds[i] < 0 ? null : task.fds().peek(fds[i]);
            if (description == null || description.isPath() || !description.tryRetain()) {
                continue;
            }
            watched[i] = description;
            WaitQueue queue = description.waitQueue();
            if (queue != null) {
                queue.add(task.waiter(), wanted[i]);
            }
        }
    }

    private int look(Task task, FileDescription[] watched) {
        int ready = 0;
        for (int i = 0; i < count; i++) {
            int events = 0;
            if (watched[i] != null) {
                events = watched[i].file().readiness(wanted[i]) & wanted[i];
            } else if (fds[i] >= 0) {
                events = POLLNVAL;
            }
            found[i] = events;
            ready += events != 0 ? 1 : 0;
        }
        return ready;
    }

    private static void unregister(Task task, FileDescription[] watched) {
        for (FileDescription description : watched) {
            if (description != null) {
                WaitQueue queue = description.waitQueue();
                if (queue != null) {
                    queue.remove(task.waiter());
                }
                description.release();
            }
        }
    }
}
