package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of one filesystem that have a page cache; they stay reachable for it, and the oldest give way. Any thread. */
public final class CachedContents {
    private static final Logger log = LoggerFactory.getLogger(CachedContents.class);

    /** Files whose pages are kept though nobody has them open. */
    private static final int MOST = 4096;

    private final MemoryFile memory;
    private final boolean isExclusive;
    private final Runnable onPressure = this::evict;
    /** Guarded by itself; in order of first use. */
    private final Map<CachedContent, Boolean> contents = new LinkedHashMap<>();

    /**
     * Makes an empty set.
     *
     * @param memory where pages live
     * @param isExclusive whether nobody else changes the files
     */
    public CachedContents(MemoryFile memory, boolean isExclusive) {
        this.memory = memory;
        this.isExclusive = isExclusive;
    }

    MemoryFile memory() {
        return memory;
    }

    boolean isExclusive() {
        return isExclusive;
    }

    /** A file got a page cache: keeps the file reachable, and drops the caches of files that were first used long ago. */
    void hasPages(CachedContent content) {
        List<CachedContent> surplus = new ArrayList<>();
        synchronized (contents) {
            contents.put(content, Boolean.TRUE);
            for (CachedContent candidate : contents.keySet()) {
                if (contents.size() - surplus.size() <= MOST) {
                    break;
                }
                if (candidate != content && !candidate.isInUse()) {
                    surplus.add(candidate);
                }
            }
        }
        surplus.forEach(this::drop);
    }

    /**
     * Drops the pages of a file that nobody has open.
     *
     * @param content the file's; null for one that has none
     */
    public void drop(CachedContent content) {
        if (content != null && content.dropPages()) {
            synchronized (contents) {
                contents.remove(content);
            }
        }
    }

    private List<CachedContent> all() {
        synchronized (contents) {
            return new ArrayList<>(contents.keySet());
        }
    }

    /** From now on to {@link #close}, lets go of unused pages whenever memory is short. */
    public void evictUnderPressure() {
        memory.onPressure(onPressure);
    }

    /** Lets go of pages that nobody uses. */
    public void evict() {
        all().forEach(CachedContent::evictPages);
    }

    /**
     * Lets go of pages that nobody uses, of files that were first used long ago, until no more than so many are left.
     *
     * @param mostPages how many may be left
     */
    public void trim(long mostPages) {
        List<CachedContent> all = all();
        long pages = 0;
        for (CachedContent content : all) {
            pages += content.residentPages();
        }
        for (int i = 0; i < all.size() && pages > mostPages; i++) {
            pages -= all.get(i).evictPages();
        }
    }

    /**
     * Writes all changed pages back; what fails keeps nothing else from it.
     *
     * @throws ErrnoException what a source fails with
     */
    public void writeBack() throws ErrnoException {
        ErrnoException failure = null;
        for (CachedContent content : all()) {
            try {
                content.writeBack();
            } catch (ErrnoException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Drops all pages, at the end of the filesystem. */
    public void close() {
        memory.offPressure(onPressure);
        List<CachedContent> last = all();
        synchronized (contents) {
            contents.clear();
        }
        for (CachedContent content : last) {
            if (!content.dropPages()) {
                log.warn("closed while a file was in use: inode={}", content.number());
            }
        }
    }
}
