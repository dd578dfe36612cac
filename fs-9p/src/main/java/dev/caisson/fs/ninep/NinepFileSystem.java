package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EMFILE;
import static dev.caisson.abi.Errno.ENFILE;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.ErrnoException;
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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A tree of a 9P server, mounted. */
public final class NinepFileSystem implements FileSystem {
    private static final Logger log = LoggerFactory.getLogger(NinepFileSystem.class);

    /** Fids of files that nobody uses at the moment. */
    private static final int IDLE_FIDS = 4096;
    /** Open files of the server that nobody uses at the moment. */
    private static final int IDLE_FILES = 384;
    /** Directories whose entries were just listed with attributes, for the lookups to come. */
    private static final int LISTED_DIRECTORIES = 64;
    private static final long RECONNECT_NS = 10_000_000_000L;
    private static final long RECONNECT_PAUSE_MS = 50;

    private static final class Reference extends WeakReference<NinepInode> {
        private final long path;

        Reference(NinepInode inode, ReferenceQueue<NinepInode> queue) {
            super(inode, queue);
            this.path = inode.number();
        }
    }

    private final ServerOptions options;
    private final CachePolicy policy;
    private final boolean isReadOnly;
    private final String describedSource;
    private final long deviceId = AnonymousDevices.next();
    private final HandlePool fids = new HandlePool(IDLE_FIDS);
    private final HandlePool files = new HandlePool(IDLE_FILES);
    private final NinepDirectory root;
    private final AtomicInteger renames = new AtomicInteger();

    private final ReentrantLock connecting = new ReentrantLock();
    private volatile Session session;
    private volatile boolean isClosed;
    /** When connecting was given up last. Guarded by {@link #connecting}. */
    private long failedNs = System.nanoTime() - RECONNECT_NS;

    private final ConcurrentHashMap<Long, Reference> inodes = new ConcurrentHashMap<>();
    private final ReferenceQueue<NinepInode> collected = new ReferenceQueue<>();
    private final CachedContents contents;
    /** Guarded by itself; in order of listing. */
    private final Map<NinepDirectory, Boolean> listed = new LinkedHashMap<>();

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
        this.options = options;
        this.policy = policy;
        this.contents = new CachedContents(memory, policy == CachePolicy.EXCLUSIVE);
        this.isReadOnly = isReadOnly;
        this.describedSource = "trans=" + options.connector();
        this.session = Session.open(options);
        this.root = new NinepDirectory(this, session.rootAttributes(), true);
        inodes.put(root.number(), new Reference(root, collected));
        memory.onPressure(contents::evict);
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
        try {
            Session old = session;
            if (!old.isBroken()) {
                return old;
            }
            if (isClosed || !options.connector().isLasting() || System.nanoTime() - failedNs < 1_000_000_000L) {
                throw EIO.error("the connection to the server is lost");
            }
            old.close();
            long start = System.nanoTime();
            while (true) {
                try {
                    Session fresh = Session.open(options);
                    if (!root.isSameFile(fresh.rootAttributes())) {
                        fresh.close();
                        log.error("the server has another tree than before: {}", describedSource);
                        break;
                    }
                    session = fresh;
                    log.info("connected to the server again: {} afterMs={}", describedSource, (System.nanoTime() - start) / 1_000_000);
                    return fresh;
                } catch (ErrnoException e) {
                    if (System.nanoTime() - start > RECONNECT_NS) {
                        log.error("the server cannot be reached again: {} errno={}", describedSource, e.errno());
                        break;
                    }
                }
                pause();
            }
            failedNs = System.nanoTime();
            throw EIO.error("the connection to the server is lost");
        } finally {
            connecting.unlock();
        }
    }

    private void lockConnecting() throws ErrnoException {
        try {
            while (!connecting.tryLock(RECONNECT_PAUSE_MS, TimeUnit.MILLISECONDS)) {
                checkNotKilled();
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
        if (task != null && task.isKilled()) {
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

    boolean isExclusive() {
        return policy == CachePolicy.EXCLUSIVE;
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
        Reference reference = inodes.get(inode.number());
        if (reference != null && reference.get() == inode) {
            inodes.remove(inode.number(), reference);
        }
        contents.drop(inode.content());
        inode.release();
    }

    private void purge() {
        for (Reference gone = (Reference) collected.poll(); gone != null; gone = (Reference) collected.poll()) {
            inodes.remove(gone.path, gone);
        }
    }

    // ---- caches

    /** A directory was listed with attributes: it keeps them for a while, and the one that was listed long ago does not. */
    void hasListing(NinepDirectory directory) {
        NinepDirectory oldest = null;
        synchronized (listed) {
            listed.remove(directory);
            listed.put(directory, Boolean.TRUE);
            if (listed.size() > LISTED_DIRECTORIES) {
                oldest = listed.keySet().iterator().next();
                listed.remove(oldest);
            }
        }
        if (oldest != null) {
            oldest.forgetListing();
        }
    }

    @Override
    public void sync() throws ErrnoException {
        contents.writeBack();
    }

    @Override
    public void close() {
        isClosed = true;
        contents.close();
        files.close();
        fids.close();
        session.close();
    }
}
