package dev.caisson.memory;

import static dev.caisson.abi.Errno.ENOMEM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * All guest memory of a sandbox: one sparse host file of fixed size, mapped once into the kernel, cut into frames of 4 KiB.
 *
 * <p>A frame is named by its offset in the file (or by its number, offset / 4096, inside this bundle). Frames are handed out in runs of
 * neighbours, each with one reference; a frame whose last reference goes is kept until nobody can be using it, then used again or given
 * back to the host. New frames read as zeros unless asked for otherwise. Frame 0 is never handed out.
 *
 * <p>Thread-safe. Reserved runs cost nothing until their pages are counted by {@link #charge}.
 */
public final class MemoryFile implements AutoCloseable {
    /** A size that no sandbox outgrows: 256 GiB, sparse. */
    public static final long DEFAULT_SIZE_BYTES = 256L << 30;

    /** Released pages kept for quick reuse, with their old content, before they are given back to the host. */
    private static final int DIRTY_PAGES_KEPT = 8192;

    /** Released pages that may wait for readers before somebody looks whether they can be taken back. */
    private static final int WAITING_PAGES = 1024;

    /** As many as a byte can name. */
    private static final int MOST_ACCOUNTS = 255;

    /** Pages that caches should drop when the limit is reached. */
    private static final int EVICTED_AT_ONCE = 1024;

    private final RankedLock lock = RankedLock.of(LockRank.FRAMES);
    private final HostBacking backing;
    private final MemorySegment segment;
    private final int frameCount;
    private final FrameCounts counts = new FrameCounts();
    private final BuddyFrames clean = new BuddyFrames();
    private final BuddyFrames dirty = new BuddyFrames();
    private final Reclaimer reclaimer = new Reclaimer();
    private int nextFresh = 1 << BuddyFrames.MAX_ORDER;
    /** Of all guests. */
    private final MemoryAccount all = new MemoryAccount(0);
    /** Of some, by number; entry 0 is nobody's. Guarded by {@link #lock}. */
    private MemoryAccount[] accounts = new MemoryAccount[1];
    /** Caches that can give pages back; guarded by itself. An inode that is collected takes its cache along. */
    private final Set<PageCache> caches = Collections.newSetFromMap(new WeakHashMap<>());
    private final CopyOnWriteArrayList<Runnable> pressure = new CopyOnWriteArrayList<>();
    private final Object usersLock = new Object();
    /** Guarded by {@link #usersLock}. */
    private int users;

    /**
     * Makes a memory file.
     *
     * @param backing the host file; closed with this
     * @param limitBytes the most that may be in use, or 0 for no limit but the size
     */
    public MemoryFile(HostBacking backing, long limitBytes) {
        this.backing = backing;
        this.segment = backing.segment();
        this.frameCount = (int) Math.min(segment.byteSize() >>> Pages.SHIFT, 1 << 28);
        limitBytes(limitBytes);
    }

    /** {@return the whole file; frames are at their offsets} */
    public MemorySegment segment() {
        return segment;
    }

    /** Stores in frames that nobody has touched since they were handed out. */
    void storeNew(MemorySegment source, long offset, long lengthBytes) {
        backing.storeNew(source, offset, lengthBytes);
    }

    /** One more kernel has its guests' memory here. */
    public void retain() {
        synchronized (usersLock) {
            users++;
        }
    }

    /** A kernel has ended. */
    public void release() {
        synchronized (usersLock) {
            users--;
        }
    }

    /**
     * Does something that meets every guest whose memory is here, if they are those of one kernel. No other kernel can come meanwhile.
     *
     * @param action what to do; short
     */
    public void ifOneKernels(Runnable action) {
        synchronized (usersLock) {
            if (users <= 1) {
                action.run();
            }
        }
    }

    /** {@return the descriptor that platforms map} */
    public int fd() {
        return backing.fd();
    }

    /** {@return the size of the file, most of it a hole} */
    public long sizeBytes() {
        return segment.byteSize();
    }

    /** {@return the most that may be in use} */
    public long limitBytes() {
        return all.limitBytes();
    }

    /**
     * Changes the limit; what is in use beyond it stays.
     *
     * @param bytes the most that may be in use, or 0 for no limit but the size
     */
    public void limitBytes(long bytes) {
        all.limitPages(bytes <= 0 ? frameCount - nextFresh : Math.min(bytes >>> Pages.SHIFT, frameCount));
    }

    /** {@return the account of everything in the file: the one that has no room when the limit of the file is reached} */
    public MemoryAccount wholeAccount() {
        return all;
    }

    /**
     * Makes an account without a limit for some guests. Pages that only caches still have of guests that are gone are dropped when that makes room. To be
     * called without locks.
     *
     * @return the account, or null when there are 255: their guests are counted with all others only
     */
    public MemoryAccount newAccount() {
        MemoryAccount account = tryNewAccount();
        if (account == null) {
            for (PageCache each : caches()) {
                each.evict();
            }
            pressure.forEach(Runnable::run);
            account = tryNewAccount();
        }
        return account;
    }

    private MemoryAccount tryNewAccount() {
        lock.lock();
        try {
            int number = 1;
            while (number < accounts.length && accounts[number] != null && !accounts[number].isFreeLocked()) {
                number++;
            }
            if (number > MOST_ACCOUNTS) {
                return null;
            }
            if (number == accounts.length) {
                accounts = Arrays.copyOf(accounts, number + 1);
            }
            return accounts[number] = new MemoryAccount(number);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Closes an account: no more frames are counted for it. Those that are in use stay counted until they are not.
     *
     * @param account of this file; null for none
     */
    public void closeAccount(MemoryAccount account) {
        if (account != null) {
            lock.lock();
            try {
                account.closeLocked();
            } finally {
                lock.unlock();
            }
        }
    }

    /** {@return bytes in use} */
    public long usedBytes() {
        return all.usedBytes();
    }

    /** {@return the most bytes that were ever in use} */
    public long peakBytes() {
        return all.peakBytes();
    }

    /**
     * Adds what is called when the limit is reached, before giving up: it may drop cached pages. Called without locks of this class, but
     * possibly under MAPPINGS or PAGE_CACHE locks, so it must not wait for those.
     *
     * @param callback what to call
     */
    public void onPressure(Runnable callback) {
        pressure.add(callback);
    }

    /**
     * Undoes {@link #onPressure}.
     *
     * @param callback the same object
     */
    public void offPressure(Runnable callback) {
        pressure.remove(callback);
    }

    /** {@return the calling thread's marker of the time in which it uses frames} */
    public FrameReader reader() {
        return reclaimer.reader();
    }

    /**
     * Takes a run of zeroed frames with one reference each.
     *
     * @param pages length, 1 to 512
     * @return offset of the first
     * @throws ErrnoException ENOMEM when the limit is reached
     */
    public long allocate(int pages) throws ErrnoException {
        MemoryAccount account = charge(pages);
        int first;
        lock.lock();
        try {
            first = takeDirtyLocked(pages);
            boolean isClean = first < 0;
            first = isClean ? takeChargedLocked(pages, account) : first;
            handOutLocked(first, pages, account);
            if (isClean) {
                return (long) first << Pages.SHIFT;
            }
        } finally {
            lock.unlock();
        }
        segment.asSlice((long) first << Pages.SHIFT, (long) pages << Pages.SHIFT).fill((byte) 0);
        return (long) first << Pages.SHIFT;
    }

    /**
     * Takes a run of frames with any content, which the caller overwrites wholly before a guest can see it.
     *
     * @param pages length, 1 to 512
     * @return offset of the first
     * @throws ErrnoException ENOMEM when the limit is reached
     */
    public long allocateUnzeroed(int pages) throws ErrnoException {
        MemoryAccount account = charge(pages);
        lock.lock();
        try {
            int first = takeDirtyLocked(pages);
            if (first < 0) {
                first = takeChargedLocked(pages, account);
            }
            handOutLocked(first, pages, account);
            return (long) first << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes a run of zeroed frames with one reference each that do not count as used until {@link #charge} says so.
     *
     * @param pages length, 1 to 512
     * @return offset of the first
     * @throws ErrnoException ENOMEM when the file is full
     */
    public long reserve(int pages) throws ErrnoException {
        lock.lock();
        try {
            int first = takeCleanLocked(pages);
            counts.set(first, pages, 1);
            return (long) first << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    private void handOutLocked(int first, int pages, MemoryAccount account) {
        counts.set(first, pages, 1);
        if (account != null) {
            counts.own(first, pages, account.number);
        }
    }

    /**
     * Counts reserved frames as used, for whom the calling thread serves.
     *
     * @param offset the first frame
     * @param pages how many
     * @throws ErrnoException ENOMEM when a limit is reached
     */
    public void charge(long offset, int pages) throws ErrnoException {
        MemoryAccount account = charge(pages);
        if (account != null) {
            lock.lock();
            try {
                counts.own((int) (offset >>> Pages.SHIFT), pages, account.number);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Counts pages as used, and gives the account besides that of the file for which they are. */
    private MemoryAccount charge(int pages) throws ErrnoException {
        FrameReader reader = reader();
        MemoryAccount account = reader.account();
        MemoryAccount full = tryCharge(pages, account);
        if (full != null) {
            dropCachedPages(full, Math.max(EVICTED_AT_ONCE, pages));
            pressure.forEach(Runnable::run);
            full = tryCharge(pages, account);
        }
        reader.refusedBy(full, pages);
        if (full != null) {
            lock.lock();
            try {
                full.refusedLocked();
            } finally {
                lock.unlock();
            }
            throw ENOMEM.error("memory limit");
        }
        return account;
    }

    /** A cache that may be asked to drop pages when memory is short. */
    void register(PageCache cache) {
        synchronized (caches) {
            caches.add(cache);
        }
    }

    void unregister(PageCache cache) {
        synchronized (caches) {
            caches.remove(cache);
        }
    }

    private PageCache[] caches() {
        synchronized (caches) {
            return caches.toArray(new PageCache[0]);
        }
    }

    private void dropCachedPages(MemoryAccount full, long wanted) {
        PageCache[] every = caches();
        long enough = full.usedBytes() - (wanted << Pages.SHIFT);
        for (int i = 0; i < every.length && full.usedBytes() > enough; i++) {
            every[i].evict();
        }
    }

    /**
     * Tells whether there is room now, where there was none.
     *
     * @param account who refused
     * @param pages how many are wanted
     * @return whether a next attempt may get them
     */
    public boolean hasRoom(MemoryAccount account, int pages) {
        lock.lock();
        try {
            return account.hasRoomLocked(pages);
        } finally {
            lock.unlock();
        }
    }

    /** Gives null, or who has no room. */
    private MemoryAccount tryCharge(int pages, MemoryAccount account) {
        lock.lock();
        try {
            if (!all.hasRoomLocked(pages)) {
                return all;
            }
            if (account != null) {
                if (!account.hasRoomLocked(pages)) {
                    return account;
                }
                account.addLocked(pages);
            }
            all.addLocked(pages);
            return null;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes back a charge.
     *
     * @param offset the first frame
     * @param pages how many
     */
    public void uncharge(long offset, int pages) {
        int first = (int) (offset >>> Pages.SHIFT);
        lock.lock();
        try {
            all.addLocked(-pages);
            for (int i = 0; i < pages; i++) {
                disownLocked(first + i);
            }
        } finally {
            lock.unlock();
        }
    }

    private void disownLocked(int frame) {
        int owner = counts.disown(frame);
        if (owner != 0) {
            accounts[owner].addLocked(-1);
        }
    }

    /**
     * Adds a reference to each frame of a run.
     *
     * @param offset the first frame
     * @param pages how many
     */
    public void retain(long offset, int pages) {
        int first = (int) (offset >>> Pages.SHIFT);
        lock.lock();
        try {
            for (int i = 0; i < pages; i++) {
                counts.increment(first + i);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Drops a reference of each frame of a run.
     *
     * @param offset the first frame
     * @param pages how many
     */
    public void release(long offset, int pages) {
        release(offset, pages, pages);
    }

    /**
     * Drops a reference of each frame of a run that was reserved and only partly charged.
     *
     * @param offset the first frame
     * @param pages how many
     * @param charged how many of them were charged, if their last references go now
     */
    public void release(long offset, int pages, int charged) {
        int first = (int) (offset >>> Pages.SHIFT);
        lock.lock();
        try {
            for (int i = 0; i < pages; i++) {
                releaseLocked(first + i);
            }
            all.addLocked(pages - charged);
        } finally {
            lock.unlock();
        }
        settle();
    }

    /** Lets a caller change many references under one acquisition of the lock. */
    RankedLock lock() {
        return lock;
    }

    void retainLocked(int frame) {
        counts.increment(frame);
    }

    void releaseLocked(int frame) {
        if (counts.decrement(frame) == 0) {
            all.addLocked(-1);
            disownLocked(frame);
            reclaimer.add(frame, 1);
        }
    }

    /** Takes released frames back when many are waiting; called after a release, without locks. */
    void settle() {
        if (reclaimer.pages() + dirty.pages() < WAITING_PAGES) {
            return;
        }
        lock.lock();
        try {
            reclaimLocked();
        } finally {
            lock.unlock();
        }
        giveBack(DIRTY_PAGES_KEPT);
    }

    /** Gives all free frames back to the host, for an idle sandbox. */
    public void trim() {
        lock.lock();
        try {
            reclaimLocked();
        } finally {
            lock.unlock();
        }
        giveBack(0);
    }

    /** {@return references to a frame, exact for a holder of one that knows it is the only one} */
    int countOf(int frame) {
        return counts.get(frame);
    }

    /** {@return free pages that have not been given back to the host, for statistics and tests} */
    long keptPages() {
        return dirty.pages() + reclaimer.pages();
    }

    private int takeDirtyLocked(int pages) {
        int first = dirty.take(pages);
        if (first < 0 && reclaimer.pages() != 0) {
            reclaimLocked();
            first = dirty.take(pages);
        }
        return first;
    }

    private int takeChargedLocked(int pages, MemoryAccount account) throws ErrnoException {
        try {
            return takeCleanLocked(pages);
        } catch (ErrnoException full) {
            all.addLocked(-pages);
            if (account != null) {
                account.addLocked(-pages);
            }
            throw full;
        }
    }

    private int takeCleanLocked(int pages) throws ErrnoException {
        int first = clean.take(pages);
        if (first >= 0) {
            return first;
        }
        int block = 1 << BuddyFrames.MAX_ORDER;
        if (nextFresh + block <= frameCount) {
            clean.give(nextFresh, block);
            nextFresh += block;
            return clean.take(pages);
        }
        // The file is used up, which only small files of tests are: clean what is left, so that it joins what is clean.
        reclaimLocked();
        while ((first = dirty.takeAny(block)) >= 0) {
            segment.asSlice((long) first << Pages.SHIFT, (long) dirty.takenCount() << Pages.SHIFT).fill((byte) 0);
            clean.give(first, dirty.takenCount());
        }
        first = clean.take(pages);
        if (first < 0) {
            throw ENOMEM.error("the memory file is full");
        }
        return first;
    }

    private void reclaimLocked() {
        Reclaimer.Batch batch;
        while ((batch = reclaimer.poll()) != null) {
            for (int i = 0; i < batch.used; i += 2) {
                dirty.give(batch.runs[i], batch.runs[i + 1]);
            }
        }
    }

    private void giveBack(int keep) {
        while (true) {
            int first;
            int count;
            lock.lock();
            try {
                if (dirty.pages() <= keep) {
                    return;
                }
                first = dirty.takeAny(1 << BuddyFrames.MAX_ORDER);
                count = dirty.takenCount();
            } finally {
                lock.unlock();
            }
            backing.punch((long) first << Pages.SHIFT, (long) count << Pages.SHIFT);
            lock.lock();
            try {
                clean.give(first, count);
            } finally {
                lock.unlock();
            }
        }
    }

    @Override
    public void close() {
        backing.close();
    }
}
