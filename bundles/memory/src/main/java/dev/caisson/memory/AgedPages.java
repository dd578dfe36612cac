package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files of one filesystem with pages that guests have changed through mappings, which come to the source when they are old enough, as with
 * Linux's dirty_expire_centisecs: a program may keep a file mapped for days. The thread that does it exists while there are any. The
 * monitor is a leaf.
 */
public final class AgedPages {
    /** As Linux has it. */
    public static final long AGE_NS = 30_000_000_000L;

    private static final Logger log = LoggerFactory.getLogger(AgedPages.class);

    private final long ageNs;
    /** With the time of the first change; in that order. Guarded by this, as is what follows. */
    private final Map<CachedContent, Long> changed = new LinkedHashMap<>();
    private boolean hasThread;
    private boolean isClosed;

    /**
     * Makes an empty set.
     *
     * @param ageNs how long the source may lack what guests have changed
     */
    public AgedPages(long ageNs) {
        this.ageNs = ageNs;
    }

    /**
     * A guest changes a page. Called under the pages' lock; never waits.
     *
     * @param content the file's
     */
    public synchronized void touched(CachedContent content) {
        if (!isClosed && changed.putIfAbsent(content, System.nanoTime()) == null && !hasThread) {
            hasThread = true;
            Thread.ofPlatform().daemon().name("mapped-write-back").start(this::run);
        }
    }

    /** No more is written back. */
    public synchronized void close() {
        isClosed = true;
        changed.clear();
        notifyAll();
    }

    private void run() {
        List<CachedContent> old = new ArrayList<>();
        while (awaitOld(old)) {
            for (CachedContent content : old) {
                try {
                    if (content.writeBackMapped()) {
                        touched(content);
                    }
                } catch (ErrnoException e) {
                    log.warn("pages that were changed through mappings are kept: inode={} errno={}", content.number(), e.errno());
                    touched(content); // and tried again when they are old once more
                }
            }
        }
    }

    /** Takes those that are old enough; false when there is none any more. */
    private synchronized boolean awaitOld(List<CachedContent> old) {
        old.clear();
        while (true) {
            long now = System.nanoTime();
            long waitNs = -1;
            for (Map.Entry<CachedContent, Long> each : changed.entrySet()) {
                waitNs = ageNs - (now - each.getValue());
                if (waitNs > 0) {
                    break;
                }
                old.add(each.getKey());
            }
            changed.keySet().removeAll(old);
            if (!old.isEmpty()) {
                return true;
            }
            if (changed.isEmpty()) {
                hasThread = false;
                return false;
            }
            try {
                wait(Math.max(1, waitNs / 1_000_000));
            } catch (InterruptedException e) {
                hasThread = false;
                return false;
            }
        }
    }
}
