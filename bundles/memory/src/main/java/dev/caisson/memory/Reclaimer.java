package dev.caisson.memory;

import java.util.ArrayDeque;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Keeps released frames until no thread can still be using them: epoch-based reclamation. Guarded by the lock of the frames but
 * for {@link #epoch} and {@link #reader}.
 */
final class Reclaimer {
    /** Released runs of one epoch, as pairs of first frame and count. */
    static final class Batch {
        final long epoch;
        int[] runs = new int[64];
        int used;

        Batch(long epoch) {
            this.epoch = epoch;
        }

        void add(int first, int count) {
            if (used > 0 && runs[used - 2] + runs[used - 1] == first) {
                runs[used - 1] += count;
                return;
            }
            if (used == runs.length) {
                runs = java.util.Arrays.copyOf(runs, used * 2);
            }
            runs[used++] = first;
            runs[used++] = count;
        }
    }

    private final CopyOnWriteArrayList<FrameReader> readers = new CopyOnWriteArrayList<>();
    private final ThreadLocal<FrameReader> mine = ThreadLocal.withInitial(this::register);
    private final ArrayDeque<Batch> waiting = new ArrayDeque<>();
    private Batch open = new Batch(1);
    private int pages;
    private volatile long epoch = 1;

    long epoch() {
        return epoch;
    }

    FrameReader reader() {
        if (!(Thread.currentThread() instanceof FrameThread thread)) {
            return mine.get();
        }
        FrameReader reader = thread.reader;
        if (reader == null || !reader.isOf(this)) {
            reader = mine.get();
            thread.reader = reader;
        }
        return reader;
    }

    private FrameReader register() {
        readers.removeIf(FrameReader::isDead);
        FrameReader reader = new FrameReader(this);
        readers.add(reader);
        return reader;
    }

    /** Pages that wait. */
    int pages() {
        return pages;
    }

    void add(int first, int count) {
        open.add(first, count);
        pages += count;
    }

    /** Takes a batch that nobody can be using any more, or null. */
    Batch poll() {
        if (pages == 0) {
            return null;
        }
        if (open.used > 0) {
            waiting.add(open);
            epoch = epoch + 1;
            open = new Batch(epoch);
        }
        long oldest = Long.MAX_VALUE;
        for (FrameReader reader : readers) {
            long since = reader.activeSince();
            if (since != 0 && since < oldest && !reader.isDead()) {
                oldest = since;
            }
        }
        Batch first = waiting.peek();
        // A reader that entered in the batch's own epoch may have found its frames before they were released.
        if (first == null || first.epoch >= oldest) {
            return null;
        }
        waiting.remove();
        for (int i = 1; i < first.used; i += 2) {
            pages -= first.runs[i];
        }
        return first;
    }
}
