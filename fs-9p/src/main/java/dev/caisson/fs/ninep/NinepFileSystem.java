package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EMFILE;
import static dev.caisson.abi.Errno.ENFILE;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostCredentials;
import dev.caisson.memory.CachedContents;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.FileSystemUsage;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A tree of a 9P server, mounted. */
public final class NinepFileSystem implements FileSystem {
    private static final Logger log = LoggerFactory.getLogger(NinepFileSystem.class);

    /** Entries of directories that were listed with attributes: for the lookups to come, and to be listed again. */
    private static final int MOST_LISTED_ENTRIES = 1 << 16;
    private static final long RECONNECT_NS = 10_000_000_000L;
    private static final long RECONNECT_PAUSE_MS = 50;
    /** Tversion twice, Tattach, Tgetattr, each within the timeout. */
    private static final int REQUESTS_TO_CONNECT = 4;
    private static final int RETAKE_TRIES = 3;

    private static final class Reference extends WeakReference<NinepInode> {
        private final long path;

        Reference(NinepInode inode, ReferenceQueue<NinepInode> queue) {
            super(inode, queue);
            this.path = inode.number();
        }
    }

    private final ServerOptions options;
    private final CacheOptions caching;
    private final boolean isReadOnly;
    private final String describedSource;
    private final long deviceId;
    private final HandlePool fids;
    private final HandlePool files;
    private final NinepDirectory root;
    private final AtomicInteger renames = new AtomicInteger();

    private final ReentrantLock connecting = new ReentrantLock();
    private volatile Session session;
    private volatile boolean lacksLists;
    /** Held to change the session and {@link #isClosed} together. */
    private final Object closing = new Object();
    private volatile boolean isClosed;
    private final AtomicBoolean retaking = new AtomicBoolean();
    /** When connecting was given up last. Guarded by {@link #connecting}. */
    private long failedNs = System.nanoTime() - RECONNECT_NS;

    private final ConcurrentHashMap<Long, Reference> inodes = new ConcurrentHashMap<>();
    private final ReferenceQueue<NinepInode> collected = new ReferenceQueue<>();
    private final CachedContents contents;
    private final WriteBack writeBack;
    private final boolean writesBack;
    private final MemoryFile memory;
    private final Runnable onPressure;
    /** Directories with names whose removal the server may not have answered. */
    private final Set<NinepDirectory> late = ConcurrentHashMap.newKeySet();
    private final AtomicReference<Errno> lateError = new AtomicReference<>();
    private final boolean isPrivileged;
    /** Files with locks at the server. */
    private final Set<NinepLocks> locked = ConcurrentHashMap.newKeySet();
    /** Guarded by itself; in order of listing. */
    private final Map<NinepDirectory, Integer> listed = new LinkedHashMap<>();
    /** Entries of all of {@link #listed}. Guarded by that. */
    private int listedEntries;

    /**
     * Connects and mounts.
     *
     * @param options the server
     * @param policy who else changes the files
     * @param isReadOnly whether every change is EROFS
     * @param memory where cached pages live
     * @throws ErrnoException what connecting or attaching failed with
     */
    NinepFileSystem(ServerOptions options, CachePolicy policy, boolean isReadOnly, MemoryFile memory) throws ErrnoException {
        this(options, CacheOptions.of(policy), isReadOnly, memory, AnonymousDevices.next());
    }

    /**
     * Connects and mounts.
     *
     * @param options the server
     * @param caching what is kept
     * @param isReadOnly whether every change is EROFS
     * @param memory where cached pages live
     * @param deviceId {@code st_dev} of the files
     * @throws ErrnoException what connecting or attaching failed with
     */
    NinepFileSystem(ServerOptions options, CacheOptions caching, boolean isReadOnly, MemoryFile memory, long deviceId)
            throws ErrnoException {
        this.deviceId = deviceId;
        this.options = options;
        this.caching = caching;
        this.fids = new HandlePool(caching.idleFids());
        this.files = new HandlePool(caching.idleFiles());
        this.memory = memory;
        this.contents = new CachedContents(memory, isExclusive());
        this.writeBack = new WriteBack(caching, contents);
        this.isReadOnly = isReadOnly;
        this.describedSource = "trans=" + options.connector();
        this.session = Session.open(options);
        this.isPrivileged = HostCredentials.effectiveUser() == 0 && options.connector() instanceof GoferConnector;
        this.writesBack = isExclusive() && !isReadOnly && !session.donates();
        this.onPressure = () -> {
            contents.evict();
            writeBack.press();
            forgetListings();
        };
        this.root = new NinepDirectory(this, session.rootAttributes(), true);
        inodes.put(root.number(), new Reference(root, collected));
        memory.onPressure(onPressure);
    }

    // ---- the server

    /**
     * The session, made anew if the connection was lost.
     *
     * @return a session that worked a moment ago
     * @throws ErrnoException EIO when there is no server any more, or it has another tree
     */
    Session session() throws ErrnoException {
        Session now = session;
        return now.isBroken() ? reconnect() : now;
    }

    private Session reconnect() throws ErrnoException {
        lockConnecting();
        Session fresh;
        try {
            if (!session.isBroken()) {
                return session;
            }
            fresh = connectAgain();
        } finally {
            connecting.unlock();
        }
        retakeLocks();
        return fresh;
    }

    private Session connectAgain() throws ErrnoException {
        if (isClosed || !options.connector().isLasting() || System.nanoTime() - failedNs < 1_000_000_000L) {
            throw EIO.error("the connection to the server is lost");
        }
        session.close();
        long start = System.nanoTime();
        while (true) {
            try {
                Session fresh = Session.open(options);
                if (!root.isSameFile(fresh.rootAttributes())) {
                    fresh.close();
                    log.error("the server has another tree than before: {}", describedSource);
                    break;
                }
                begin(fresh);
                log.info("connected to the server again: {} afterMs={}", describedSource, (System.nanoTime() - start) / 1_000_000);
                return fresh;
            } catch (ErrnoException e) {
                if (isClosed) {
                    throw e;
                }
                if (System.nanoTime() - start > RECONNECT_NS) {
                    log.error("the server cannot be reached again: {} errno={}", describedSource, e.errno());
                    break;
                }
            }
            pause();
        }
        failedNs = System.nanoTime();
        throw EIO.error("the connection to the server is lost");
    }

    /** From now on this is the session, unless the filesystem was closed meanwhile: then nobody would close it. */
    private void begin(Session fresh) throws ErrnoException {
        synchronized (closing) {
            if (!isClosed) {
                session = fresh;
                return;
            }
        }
        fresh.close();
        throw EIO.error("unmounted");
    }

    /**
     * Takes locks at the server anew after the connection was made again. That may find it lost again, and make another one; so whoever
     * comes here meanwhile leaves it to who is here already. What stays undone is done when the locks are next used.
     */
    private void retakeLocks() {
        if (locked.isEmpty() || !retaking.compareAndSet(false, true)) {
            return;
        }
        try {
            for (int tries = 0; tries < RETAKE_TRIES; tries++) {
                Session now = session;
                for (NinepLocks one : locked) {
                    if (session == now) {
                        one.retake();
                    }
                }
                if (session == now) {
                    return;
                }
            }
        } finally {
            retaking.set(false);
        }
    }

    /** One who connects is done or gives up within the time that this waits. */
    private void lockConnecting() throws ErrnoException {
        long deadlineNs = System.nanoTime() + 2 * RECONNECT_NS + REQUESTS_TO_CONNECT * options.timeoutMs() * 1_000_000;
        try {
            while (!connecting.tryLock(RECONNECT_PAUSE_MS, TimeUnit.MILLISECONDS)) {
                checkNotKilled();
                if (System.nanoTime() - deadlineNs > 0) {
                    throw EIO.error("somebody else connects to the server, for too long");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw EIO.error("interrupted");
        }
    }

    private void pause() throws ErrnoException {
        checkNotKilled();
        try {
            Thread.sleep(RECONNECT_PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw EIO.error("interrupted");
        }
    }

    private static void checkNotKilled() throws ErrnoException {
        JobControl task = JobControl.current();
        if (task != null && (task.isKilled() || task.isAwaited())) {
            throw ERESTARTSYS.error();
        }
    }

    /** {@return whether the server speaks the extension} */
    boolean isExtended() {
        return session.isExtended();
    }

    /**
     * How often a directory got another name. To many a server a fid is a path, which then leads elsewhere: such fids are walked again.
     *
     * @return the count; 0 for a server whose fids keep naming their files
     */
    int renames() {
        return isExtended() ? 0 : renames.get();
    }

    /** A directory got another name. */
    void directoryRenamed() {
        renames.incrementAndGet();
    }

    /**
     * What to do about an error of the server: when it has no room for more fids or open files, fewer are kept.
     *
     * @return whether to ask again
     */
    boolean makesRoom(ErrnoException e, Session session) {
        if (e.errno() != EMFILE && e.errno() != ENFILE) {
            return false;
        }
        fids.shrink();
        files.shrink();
        session.settle();
        return true;
    }

    HandlePool fids() {
        return fids;
    }

    HandlePool files() {
        return files;
    }

    // ---- what the VFS asks

    @Override
    public String typeName() {
        return "9p";
    }

    @Override
    public String options() {
        return describedSource + ",version=9p2000.L,cache=" + (isExclusive() ? "exclusive" : "shared");
    }

    @Override
    public long deviceId() {
        return deviceId;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return isExclusive();
    }

    @Override
    public boolean looksAhead() {
        return !isExclusive() && isExtended();
    }

    boolean isExclusive() {
        return caching.policy() == CachePolicy.EXCLUSIVE;
    }

    /** {@return whether what is written is kept here, and brought to the server later} Descriptors of the host need none of that. */
    boolean writesBack() {
        return writesBack;
    }

    WriteBack writeBack() {
        return writeBack;
    }

    /** Memory is short: brings all that was written to the server, and lets go of all pages that nobody uses. */
    void relieve() {
        for (NinepContent content : writeBack.unwritten()) {
            try {
                content.writeBack();
            } catch (ErrnoException e) {
                log.debug("a file stays in memory: inode={} errno={}", content.fileNumber(), e.errno());
            }
        }
        contents.evict();
    }

    boolean locksAtServer() {
        return caching.locksAtServer();
    }

    // ---- what the server has not answered yet

    /** {@return whether what a session's server would say to the removal of a name is known before} */
    boolean foreseesRemovals(Session asked) {
        return isExclusive() && asked == session && !asked.isBroken() && asked.donates() && options.connector().isLasting();
    }

    /** {@return whether the server does what only the superuser may} */
    boolean isPrivileged() {
        return isPrivileged;
    }

    /** A directory has names that were removed without waiting. */
    void hasLate(NinepDirectory directory) {
        late.add(directory);
    }

    /** All of them are answered. */
    void hasNoLate(NinepDirectory directory) {
        late.remove(directory);
        if (directory.hasLateRemovals()) {
            late.add(directory); // one came in between
        }
    }

    /** The server has refused what was taken for done. */
    void lateError(Errno error) {
        lateError.set(error);
    }

    /**
     * Waits until the server has removed all names that are gone here.
     *
     * @throws ErrnoException what it has refused since somebody last asked, ERESTARTSYS, EIO
     */
    void settleRemovals() throws ErrnoException {
        if (!late.isEmpty()) {
            for (NinepDirectory directory : late) {
                directory.settle();
                hasNoLate(directory);
            }
        }
        Errno error = lateError.getAndSet(null);
        if (error != null) {
            throw error.error("a name that was removed is still there");
        }
    }

    /** {@return whether the server has no access control lists} */
    boolean lacksLists() {
        return lacksLists;
    }

    void hasNoLists() {
        lacksLists = true;
    }

    /** Those that have locks at the server. */
    Set<NinepLocks> locked() {
        return locked;
    }

    void checkWritable() throws ErrnoException {
        if (isReadOnly) {
            throw EROFS.error();
        }
    }

    boolean isReadOnly() {
        return isReadOnly;
    }

    CachedContents contents() {
        return contents;
    }

    @Override
    public FileSystemStatus status() throws ErrnoException {
        settleRemovals();
        FileSystemUsage usage = session().usage();
        return new FileSystemStatus(usage.type() & 0xffff_ffffL, usage.blockBytes() & 0xffff_ffffL, usage.blocks(), usage.freeBlocks(),
                usage.availableBlocks(), usage.files(), usage.freeFiles(), deviceId, Math.clamp(usage.nameBytes(), 1, 255));
    }

    // ---- inodes

    /** The one live inode of a file, with its attributes as just read. */
    NinepInode inode(FileAttributes attributes, NinepDirectory parent, String name) {
        purge();
        long path = attributes.qid().path();
        NinepInode made = null;
        while (true) {
            Reference reference = inodes.get(path);
            NinepInode known = reference == null ? null : reference.get();
            if (known != null && known.isSameFile(attributes)) {
                known.found(attributes, parent, name);
                return known;
            }
            if (made == null) {
                made = NinepInode.isDirectory(attributes) ? new NinepDirectory(this, attributes, false) : new NinepInode(this, attributes);
                made.found(attributes, parent, name);
            }
            Reference fresh = new Reference(made, collected);
            if (reference == null ? inodes.putIfAbsent(path, fresh) == null : inodes.replace(path, reference, fresh)) {
                return made;
            }
        }
    }

    /** A file has no name and no user any more; the server may give its number to another one. */
    void forget(NinepInode inode) {
        leave(inode);
        if (inode.content() != null) {
            inode.content().discard();
            contents.drop(inode.content());
            writeBack.dropped(inode.content());
        }
        inode.release();
    }

    /** A file was made just now: one that has its number and no name was removed, though somebody has it open, and is not the same. */
    void made(FileAttributes attributes) {
        Reference reference = inodes.get(attributes.qid().path());
        NinepInode known = reference == null ? null : reference.get();
        if (known != null && known.entry() == null) {
            leave(known);
        }
    }

    /** What has this number from now on is another file. */
    void leave(NinepInode inode) {
        Reference reference = inodes.get(inode.number());
        if (reference != null && reference.get() == inode) {
            inodes.remove(inode.number(), reference);
        }
    }

    private void purge() {
        for (Reference gone = (Reference) collected.poll(); gone != null; gone = (Reference) collected.poll()) {
            inodes.remove(gone.path, gone);
        }
    }

    // ---- caches

    /** A directory was listed with attributes: it keeps them for a while, and those that were listed long ago do not. */
    void hasListing(NinepDirectory directory, int entries) {
        List<NinepDirectory> oldest = new ArrayList<>();
        synchronized (listed) {
            forgetLocked(directory);
            listed.put(directory, entries + 1);
            listedEntries += entries + 1;
            while (listedEntries > MOST_LISTED_ENTRIES && listed.size() > 1) {
                NinepDirectory next = listed.keySet().iterator().next();
                forgetLocked(next);
                oldest.add(next);
            }
        }
        oldest.forEach(NinepDirectory::forgetListing);
    }

    private void forgetLocked(NinepDirectory directory) {
        Integer entries = listed.remove(directory);
        listedEntries -= entries == null ? 0 : entries;
    }

    private void forgetListings() {
        List<NinepDirectory> all;
        synchronized (listed) {
            all = List.copyOf(listed.keySet());
            listed.clear();
            listedEntries = 0;
        }
        all.forEach(NinepDirectory::forgetListing);
    }

    @Override
    public void sync() throws ErrnoException {
        contents.writeBack();
        settleRemovals();
    }

    @Override
    public void close() {
        writeBack.close();
        try {
            bringAll();
        } catch (ErrnoException e) {
            log.error("what was written could not be brought to the server, and is lost: {} files={} errno={}", describedSource,
                    writeBack.unwritten().size(), e.errno());
            writeBack.unwritten().forEach(NinepContent::discard);
        }
        synchronized (closing) {
            isClosed = true; // from here on, nobody else makes a session
        }
        memory.offPressure(onPressure);
        contents.close();
        files.close();
        fids.close();
        session.close();
        options.connector().close();
    }

    /** Brings what was written to the server. One that does not answer is given up for all files, not for one after the other. */
    private void bringAll() throws ErrnoException {
        long deadlineNs = System.nanoTime() + options.timeoutMs() * 1_000_000;
        ErrnoException failure = null;
        for (NinepContent content : writeBack.unwritten()) {
            try {
                content.writeBack();
            } catch (ErrnoException e) {
                failure = e;
                if (System.nanoTime() - deadlineNs > 0) {
                    break;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        contents.writeBack();
        settleRemovals();
    }
}
