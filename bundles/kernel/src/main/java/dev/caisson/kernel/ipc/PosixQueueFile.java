package dev.caisson.kernel.ipc;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** An open POSIX message queue. Reading it tells its state, as in the mqueue filesystem. */
public final class PosixQueueFile extends OpenFile {
    private final PosixQueue queue;

    /**
     * Opens a queue.
     *
     * @param queue the queue
     */
    public PosixQueueFile(PosixQueue queue) {
        this.queue = queue;
    }

    /** {@return the queue} */
    public PosixQueue queue() {
        return queue;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        byte[] text = String.format("QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", queue.bytes(), 0, 0, 0)
                .getBytes(StandardCharsets.ISO_8859_1);
        if (position < 0 || position >= text.length) {
            return 0;
        }
        return target.put(MemorySegment.ofArray(text), position, text.length - position);
    }

    @Override
    public long sizeBytes() {
        return 80;
    }

    @Override
    public int readiness(int mask) {
        int count = queue.count();
        int ready = count > 0 ? Poll.POLLIN | Poll.POLLRDNORM : 0;
        if (count < queue.maxMessages()) {
            ready |= Poll.POLLOUT | Poll.POLLWRNORM;
        }
        return ready & mask;
    }

    @Override
    public WaitQueue waitQueue() {
        return queue.waiting;
    }
}
