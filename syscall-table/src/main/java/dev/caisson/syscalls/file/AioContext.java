package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.ProcessAttachments;
import dev.caisson.kernel.Task;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One context of io_setup(2): completed operations that wait to be fetched. Guarded by itself.
 *
 * <p>As in Linux, a context is named by the address of memory that the call maps. Linux keeps a ring there that libraries may read; here it stays
 * zero, so that its magic number tells them to call io_getevents(2).
 */
final class AioContext {
    /** {@code struct io_event}: data, obj, res, res2, 8 bytes each. */
    static final int EVENT_BYTES = 32;

    private final int capacity;
    private final ArrayDeque<long[]> completed = new ArrayDeque<>();
    private final WaitQueue queue = new WaitQueue();
    /** Operations under way in io_submit. */
    private int running;
    private boolean destroyed;

    AioContext(int capacity) {
        this.capacity = capacity;
    }

    /** The contexts of a process, by address. */
    static final class Table implements ProcessAttachments.Lifecycle {
        private final ConcurrentHashMap<Long, AioContext> contexts = new ConcurrentHashMap<>();

        @Override
        public void processExecutes(Task task) {
            contexts.values().forEach(AioContext::destroy);
            contexts.clear();
        }
    }

    static ConcurrentHashMap<Long, AioContext> all(Task task) {
        return task.process().attachments().of(Table.class, Table::new).contexts;
    }

    /** The context at an address; EINVAL when there is none. */
    static AioContext of(Task task, long address) throws ErrnoException {
        AioContext context = all(task).get(address);
        if (context == null) {
            throw EINVAL.error();
        }
        return context;
    }

    int capacity() {
        return capacity;
    }

    WaitQueue queue() {
        return queue;
    }

    /** Takes room for one operation; false when there is none. */
    synchronized boolean begin() {
        if (destroyed || running + completed.size() >= capacity) {
            return false;
        }
        running++;
        return true;
    }

    /** An operation that was not carried out gives its room back. */
    synchronized void cancel() {
        running--;
    }

    void complete(long data, long iocb, long result) {
        synchronized (this) {
            running--;
            completed.add(new long[] {data, iocb, result, 0});
        }
        queue.notify(1);
    }

    void destroy() {
        synchronized (this) {
            destroyed = true;
        }
        queue.notify(1);
    }

    synchronized boolean isDestroyed() {
        return destroyed;
    }

    synchronized int available() {
        return completed.size();
    }

    /** Hands events out; EFAULT leaves those that were not written. Returns how many. */
    int fetch(Task task, long address, int most) throws ErrnoException {
        int count = 0;
        while (count < most) {
            long[] event;
            synchronized (this) {
                event = completed.poll();
            }
            if (event == null) {
                break;
            }
            MemorySegment bytes = MemorySegment.ofArray(new byte[EVENT_BYTES]);
            for (int i = 0; i < event.length; i++) {
                bytes.set(Layouts.U64, 8L * i, event[i]);
            }
            try {
                task.memory().copyOut(address + (long) count * EVENT_BYTES, bytes);
            } catch (ErrnoException fault) {
                synchronized (this) {
                    completed.addFirst(event);
                }
                if (count > 0) {
                    return count;
                }
                throw fault;
            }
            count++;
        }
        return count;
    }
}
