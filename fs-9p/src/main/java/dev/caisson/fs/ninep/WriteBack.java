package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.CachedContents;
import dev.caisson.memory.Pages;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of a mount with content that the server does not have yet, in the order of their first such write. One thread, which exists
 * once there was such a file, brings it to the server: what has waited for long enough, the oldest when there is much of it, and all when
 * memory is short. The same thread keeps cached pages to their limit. The monitor is a leaf.
 */
final class WriteBack {
    private static final Logger log = LoggerFactory.getLogger(WriteBack.class);

    /** How often to look for what has become old, as Linux's dirty_writeback_centisecs. */
    private static final long LONGEST_PAUSE_MS = 5_000;
    /** After a failure. */
    private static final long RETRY_NS = 1_000_000_000L;
    /** Files at once. */
    private static final int BATCH = 64;

    private final CacheOptions options;
    private final CachedContents contents;
    /** With the time of the first write. Guarded by this, as is what follows. */
    private final Map<NinepContent, Long> unwritten = new LinkedHashMap<>();
    private volatile long bytes;
    private Thread thread;
    private boolean isPressed;
    private long filledBytes;
    private boolean isTooFull;
    private long pausedUntilNs = System.nanoTime();
    private volatile boolean isClosed;

    WriteBack(CacheOptions options, CachedContents contents) {
        this.options = options;
        this.contents = contents;
    }

    /**
     * A file was written, or written back.
     *
     * @param content the file's
     * @param moreBytes how much more (or less) of it the server does not have
     * @param hasUnwritten whether there is anything at all
     */
    synchronized void counted(NinepContent content, long moreBytes, boolean hasUnwritten) {
        bytes += moreBytes;
        if (!hasUnwritten) {
            unwritten.remove(content);
            content.isAwaited = false;
            if (content.isDirty()) {
                addLocked(content); // a guest has changed a page since somebody looked
            }
            return;
        }
        addLocked(content);
        if (isMuchLocked()) {
            wakeLocked();
        }
    }

    /**
     * A guest changes the file through a mapping. Never waits.
     *
     * @param content the file's
     */
    synchronized void touched(NinepContent content) {
        addLocked(content);
    }

    /**
     * A file is not used any more: it stays only for pages that the server does not have.
     *
     * @param content the file's
     */
    synchronized void dropped(NinepContent content) {
        if (!content.isDirty() && unwritten.remove(content) != null) {
            content.isAwaited = false;
        }
    }

    private void addLocked(NinepContent content) {
        content.isAwaited = true;
        if (unwritten.putIfAbsent(content, System.nanoTime()) == null && unwritten.size() == 1) {
            wakeLocked();
        }
    }

    private boolean isMuchLocked() {
        return bytes > options.dirtyBytes() / 2 || unwritten.size() > options.idleFiles();
    }

    /** {@return whether whoever writes must first write back} */
    boolean isFull() {
        return bytes > options.dirtyBytes();
    }

    /** {@return bytes that the server does not have} */
    long unwrittenBytes() {
        return bytes;
    }

    /** {@return files with such bytes} */
    synchronized List<NinepContent> unwritten() {
        return new ArrayList<>(unwritten.keySet());
    }

    /** Memory is short. Never waits. */
    synchronized void press() {
        if (!unwritten.isEmpty()) {
            isPressed = true;
            wakeLocked();
        }
    }

    /** Pages were filled. */
    void filled(long count) {
        if (options.pageBytes() == 0) {
            return;
        }
        synchronized (this) {
            filledBytes += count;
            if (filledBytes > options.pageBytes() / 8) {
                filledBytes = 0;
                isTooFull = true;
                wakeLocked();
            }
        }
    }

    private void wakeLocked() {
        if (thread == null && !isClosed) {
            thread = Thread.ofPlatform().daemon().name("9p-write-back").start(this::run);
        }
        notifyAll();
    }

    private void run() {
        List<NinepContent> due = new ArrayList<>();
        while (awaitWork(due)) {
            for (NinepContent content : due) {
                try {
                    content.writeBackAll();
                    renew(content);
                } catch (ErrnoException e) {
                    failed(content, e);
                }
                if (isClosed) {
                    return;
                }
            }
        }
    }

    /** Fills a list with what to write back now; false at the end. */
    private boolean awaitWork(List<NinepContent> due) {
        boolean trims;
        synchronized (this) {
            while (true) {
                if (isClosed) {
                    return false;
                }
                due.clear();
                findDueLocked(due);
                trims = isTooFull;
                if (trims || !due.isEmpty()) {
                    isTooFull = false;
                    break;
                }
                try {
                    wait(unwritten.isEmpty() ? 0 : Math.clamp(options.dirtyAgeNs() / 2_000_000, 1, LONGEST_PAUSE_MS));
                } catch (InterruptedException e) {
                    return false;
                }
            }
        }
        if (trims) {
            contents.trim(options.pageBytes() >>> Pages.SHIFT);
        }
        return true;
    }

    private void findDueLocked(List<NinepContent> due) {
        long now = System.nanoTime();
        boolean takesOldest = (isPressed || isMuchLocked()) && now - pausedUntilNs >= 0;
        isPressed &= !takesOldest || unwritten.size() > BATCH;
        for (Map.Entry<NinepContent, Long> entry : unwritten.entrySet()) {
            boolean isOld = now - entry.getValue() >= options.dirtyAgeNs();
            if (due.size() == BATCH || !isOld && !takesOldest) {
                return;
            }
            if (isOld || entry.getKey().isDue()) {
                due.add(entry.getKey());
            }
        }
    }

    private synchronized void failed(NinepContent content, ErrnoException e) {
        if (content.isFirstFailure()) {
            log.warn("what was written cannot be brought to the server, and is kept: inode={} errno={}", content.fileNumber(), e.errno());
        }
        pausedUntilNs = System.nanoTime() + RETRY_NS;
        renew(content);
    }

    /** What is left, or new already, becomes old from now on. */
    private synchronized void renew(NinepContent content) {
        if (unwritten.remove(content) != null) {
            unwritten.put(content, System.nanoTime());
        }
    }

    /** Ends the thread; what is there is left to the caller. */
    synchronized void close() {
        isClosed = true;
        notifyAll();
    }
}
