package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EPROTO;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.CachedContent;
import dev.caisson.memory.PageCache;
import dev.caisson.memory.PageSource;
import dev.caisson.memory.Pages;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.JobControl;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The content of a regular file: handles on it, open files, cached pages. */
final class NinepContent extends CachedContent {
    private static final Logger log = LoggerFactory.getLogger(NinepContent.class);

    private static final int TRIES = 3;
    private static final long CLEAN = Long.MIN_VALUE;
    private static final int SECTOR_BYTES = 512;

    private final NinepInode inode;
    private final NinepFileSystem fileSystem;
    private final Handle.Slot open = new Handle.Slot();

    /** Behind the last byte that was written by a message. Changes under {@link #lock}. */
    private volatile long writtenEnd;
    /** Keep the content and the attributes of an open file that has lost its name. Guarded by this. */
    private Handle pinnedFile;
    private Handle pinnedFid;
    /** How many names are about to go. Guarded by this. */
    private int losing;

    /** Errors of writing back. */
    final WriteErrors errors = new WriteErrors();
    /** The locks at the server. */
    final NinepLocks locks;
    /** When the last of what the server lacks was written, or CLEAN. Changes under {@link #lock}. */
    private volatile long writtenNs = CLEAN;
    /** Bytes that {@link WriteBack} counts for this file. Guarded by {@link #lock}, as is what follows. */
    private long countedBytes;
    /** Keeps the file open for what is to be written back: it may not be opened for writing again, by its mode. */
    private Handle writing;
    private boolean hasFailed;
    /** {@link WriteBack} knows that there is something to write. Written by that, under its monitor. */
    volatile boolean isAwaited;

    NinepContent(NinepInode inode) {
        super(inode, inode.ninep().contents());
        this.inode = inode;
        this.fileSystem = inode.ninep();
        this.locks = new NinepLocks(inode);
    }

    // ---- handles

    /**
     * A handle on the open file, opened if need be; the caller releases it.
     *
     * @param writable whether it will be written
     */
    Handle handle(boolean writable) throws ErrnoException {
        Handle known = fileSystem.files().take(open, writable, 0);
        if (known != null) {
            return known;
        }
        int flags = writable ? Fcntl.O_RDWR : Fcntl.O_RDONLY;
        try {
            return fileSystem.files().offer(open(flags, writable));
        } catch (ErrnoException e) {
            if (e.errno() == ESTALE || e.errno() == ENOENT) {
                known = fileSystem.files().take(open, writable, 0);
                if (known != null) {
                    return known; // the name has gone on the way; who took it away had opened the file before, see pin
                }
            }
            if (e.errno() != EACCES || !writable) {
                throw e;
            }
            return open(Fcntl.O_WRONLY, true); // others could not read through it, so it is not shared
        }
    }

    private Handle open(int flags, boolean writable) throws ErrnoException {
        EntryNames.Entry entry = inode.entry();
        if (!fileSystem.isExtended()) {
            return inode.ask(true, (session, fid) -> {
                int own = session.walk(fid, List.of()).fid();
                try {
                    inode.checkIs(session.open(own, flags));
                } catch (ErrnoException e) {
                    session.clunk(own);
                    throw e;
                }
                return new Handle(open, session, own, -1, writable, 0);
            });
        }
        NinepInode from = entry == null ? inode : entry.directory();
        String name = entry == null ? "" : entry.name();
        return from.ask(true, (session, fid) -> {
            Session.Opened opened = session.openAt(fid, name, flags | Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC, 0, 0, 0);
            Handle handle = handle(session, opened, writable);
            if (!inode.isSameFile(opened.attributes())) {
                handle.dispose();
                throw ESTALE.error("the server has another file under the name");
            }
            return handle;
        });
    }

    /** What Topenat made, as a handle of this content. A descriptor is believed only when it is a regular file, open as wanted. */
    Handle handle(Session session, Session.Opened opened, boolean writable) throws ErrnoException {
        Handle handle = new Handle(open, session, opened.fid(), opened.descriptor(), writable, 0);
        if (opened.descriptor() >= 0 && !DonatedStatus.isRegularFile(opened.descriptor(), writable)) {
            handle.dispose();
            throw EPROTO.error("a descriptor that is not what was asked for");
        }
        return handle;
    }

    /** The file was just created with an open handle: kept for the open that follows. */
    void created(Handle handle) {
        handle.isFresh = true;
        fileSystem.files().release(fileSystem.files().offer(handle));
    }

    /** An open file was closed. */
    void closed() {
        Handle file;
        Handle fid;
        synchronized (this) {
            if (!isLastClosed()) {
                return;
            }
            file = pinnedFile;
            fid = pinnedFid;
            pinnedFile = null;
            pinnedFid = null;
        }
        if (inode.entry() != null) {
            lastClosed();
        }
        unpin(file, fid);
        fileSystem.files().forgetWritable(open);
        if (inode.entry() == null) {
            fileSystem.forget(inode);
        }
    }

    private void unpin(Handle file, Handle fid) {
        if (file != null) {
            fileSystem.files().release(file);
        }
        if (fid != null) {
            fileSystem.fids().release(fid);
        }
    }

    /** Before a name goes: an open file keeps its content and its attributes by handles, which it may not have needed so far. */
    void pin() {
        boolean writable;
        synchronized (this) {
            losing++;
            if (!isInUse()) {
                return;
            }
            writable = isOpenForWriting();
        }
        Handle file = tryHandle(writable);
        if (file == null && writable) {
            file = tryHandle(false);
        }
        Handle fid = null;
        try {
            fid = inode.reach();
        } catch (ErrnoException e) {
            log.debug("no fid for a file that loses its name: inode={} errno={}", inode.number(), e.errno());
        }
        synchronized (this) {
            if (isInUse() && !isPinned()) { // who closes it later lets these go
                pinnedFile = file;
                pinnedFid = fid;
                return;
            }
        }
        unpin(file, fid);
    }

    /** After {@link #pin}: the name is gone, or has stayed. */
    synchronized void pinned() {
        losing--;
    }

    /** {@return whether handles keep the content of a file that may have no name any more} */
    synchronized boolean isPinned() {
        return pinnedFile != null || pinnedFid != null;
    }

    /** {@return whether the file is about to lose a name: who opens it now must do so at the server at once} */
    synchronized boolean isLosingName() {
        return losing > 0;
    }

    private Handle tryHandle(boolean writable) {
        try {
            return handle(writable);
        } catch (ErrnoException e) {
            return null; // then using it would fail as well
        }
    }

    /** Keeps handles until the last open file is closed. */
    void keepOpen(Handle file, Handle fid) {
        synchronized (this) {
            if (pinnedFile == null && pinnedFid == null) {
                pinnedFile = file;
                pinnedFid = fid;
                return;
            }
        }
        unpin(file, fid);
    }

    /** Lets go of handles that nobody uses. */
    void release() {
        fileSystem.files().forget(open);
    }

    /** What a donated descriptor tells; null when there is none at hand. */
    Attributes donatedAttributes(Attributes last) throws ErrnoException {
        Handle handle = fileSystem.files().peek(open);
        if (handle == null) {
            return null;
        }
        try {
            return handle.descriptor < 0 ? null : DonatedStatus.attributes(handle.descriptor, last);
        } finally {
            fileSystem.files().release(handle);
        }
    }

    // ---- transfers

    /** Moves bytes by a handle. */
    @FunctionalInterface
    private interface Transfer {
        long by(Handle handle) throws ErrnoException;
    }

    /** Tries again with another handle when the connection was lost: the same bytes go to the same place. */
    private long transfer(boolean writable, Transfer transfer) throws ErrnoException {
        for (int tries = 1;; tries++) {
            Handle handle = handle(writable);
            try {
                return transfer.by(handle);
            } catch (ErrnoException e) {
                if (handle.isUsable() || tries == TRIES) {
                    throw e;
                }
            } finally {
                fileSystem.files().release(handle);
            }
        }
    }

    /** Reads at most one message's worth, or what a descriptor gives. */
    long read(MemorySegment target, long offset) throws ErrnoException {
        return transfer(false, handle -> handle.descriptor >= 0
                ? Errno.check(HostFile.pread(handle.descriptor, target.address(), target.byteSize(), offset))
                : handle.session.read(handle.fid, target.asSlice(0, Math.min(target.byteSize(), handle.session.dataBytes())), offset));
    }

    /** Writes at most one message's worth, or what a descriptor takes. */
    long write(MemorySegment source, long offset) throws ErrnoException {
        long count = transfer(true, handle -> handle.descriptor >= 0
                ? Errno.check(HostFile.pwrite(handle.descriptor, source.address(), source.byteSize(), offset))
                : handle.session.write(handle.fid, source.asSlice(0, Math.min(source.byteSize(), handle.session.dataBytes())), offset));
        if (count == 0) {
            throw EIO.error("a server that takes nothing");
        }
        writtenEnd = Math.max(writtenEnd, offset + count);
        return count;
    }

    /** The size of a file that the server does not know any more. */
    long knownSize(long lastSize) {
        PageCache cache = pages();
        return cache != null ? cache.sizeBytes() : Math.max(lastSize, writtenEnd);
    }

    void sync(boolean dataOnly, boolean writable) throws ErrnoException {
        transfer(writable, handle -> {
            if (handle.descriptor >= 0) {
                return Errno.check(dataOnly ? HostFile.syncData(handle.descriptor) : HostFile.sync(handle.descriptor));
            }
            handle.session.sync(handle.fid, dataOnly);
            return 0;
        });
    }

    // ---- what the server does not have yet

    /** {@return whether what is written to pages reaches the server later} */
    boolean writesBack() {
        return fileSystem.writesBack();
    }

    @Override
    protected PageCache.WritePolicy writePolicy() {
        return writesBack() ? PageCache.WritePolicy.BACK : PageCache.WritePolicy.THROUGH;
    }

    @Override
    protected boolean hasUnwritten() {
        PageCache cache = pages();
        return writtenNs != CLEAN || writesBack() && cache != null && cache.dirtyPages() > 0;
    }

    /** The file was written, to its pages only. Under {@link #lock}. */
    void wrote() {
        writtenNs = FileClock.nowNs();
        if (writing == null) {
            writing = fileSystem.files().take(open, true, 0);
        }
        count();
    }

    /** Under {@link #lock}. */
    private void count() {
        PageCache cache = pages();
        long bytes = cache == null || !writesBack() ? 0 : cache.dirtyPages() << Pages.SHIFT;
        long more = bytes - countedBytes;
        countedBytes = bytes;
        fileSystem.writeBack().counted(this, more, writtenNs != CLEAN || isDirty());
    }

    /** The file got another time of modification, which is to stay when it is written back. */
    void modified(long modifyNs) {
        if (writtenNs != CLEAN) {
            lock().lock();
            try {
                writtenNs = writtenNs == CLEAN ? CLEAN : modifyNs;
            } finally {
                lock().unlock();
            }
        }
    }

    /** A guest changes a page through a mapping. Called under the pages' lock. */
    void touched() {
        if (!isAwaited) {
            fileSystem.writeBack().touched(this);
        }
    }

    /** {@return whether the server does not have the pages as they are, whoever has changed them} */
    boolean isDirty() {
        PageCache cache = pages();
        return cache != null && cache.dirtyPages() > 0;
    }

    /** Whether to write back sooner than age wants it. Pages that only guests change, through mappings, stay: they may be changed all the time. */
    boolean isDue() {
        PageCache cache = pages();
        return writtenNs != CLEAN || cache != null && !cache.isMapped();
    }

    /** The attributes that the server told, with what was written since. */
    Attributes withWritten(Attributes told) {
        long written = writtenNs;
        PageCache cache = pages();
        if (written == CLEAN || cache == null) {
            return told;
        }
        long size = cache.sizeBytes();
        long most = Math.max(told.blocks(), Pages.up(size) / SECTOR_BYTES);
        long blocks = Math.min(most, told.blocks() + (cache.dirtyPages() << Pages.SHIFT) / SECTOR_BYTES);
        return new Attributes(told.deviceId(), told.inode(), told.mode(), told.links(), told.uid(), told.gid(), told.rawDevice(), size,
                told.blockBytes(), blocks, told.accessNs(), written, Math.max(told.changeNs(), written), told.birthNs());
    }

    /**
     * Brings what was written to the server, with the time at which it was.
     *
     * @throws ErrnoException what that fails with, which open files are told of; nothing is lost, and it can be tried again
     */
    @Override
    public void writeBack() throws ErrnoException {
        if (writesBack()) {
            writeBack(false);
        } else {
            super.writeBack();
        }
    }

    /**
     * As {@link #writeBack}, because of its age: from now on, pages that guests have mapped count as changed only when they are changed again.
     *
     * @throws ErrnoException as {@link #writeBack}
     */
    void writeBackAll() throws ErrnoException {
        writeBack(true);
    }

    private void writeBack(boolean isMappedToo) throws ErrnoException {
        PageCache cache = pages();
        if (cache == null) {
            return;
        }
        JobControl.acquire(lock());
        try {
            if (isMappedToo) {
                cache.writeBackMapped();
            } else if (hasUnwritten()) {
                cache.writeBack();
            } else {
                return;
            }
            long written = writtenNs;
            if (written == CLEAN) {
                inode.changed();
            } else {
                inode.wroteBack(written);
            }
            settle();
        } catch (ErrnoException e) {
            if (e.errno() != ERESTARTSYS) { // the caller was killed
                errors.add(e.errno());
            }
            throw e;
        } finally {
            count();
            lock().unlock();
        }
    }

    /** The server has it all, or shall not. Under {@link #lock}. */
    private void settle() {
        writtenNs = CLEAN;
        hasFailed = false;
        if (writing != null) {
            fileSystem.files().release(writing);
            writing = null;
        }
    }

    boolean isFirstFailure() {
        boolean isFirst = !hasFailed;
        hasFailed = true;
        return isFirst;
    }

    long fileNumber() {
        return inode.number();
    }

    /** Nobody has the file open any more; what was written through mappings, which end before, is due from now on as well. */
    private void lastClosed() {
        PageCache cache = pages();
        if (!writesBack() || cache == null || cache.dirtyPages() == 0) {
            return;
        }
        lock().lock();
        try {
            if (writtenNs == CLEAN && cache.dirtyPages() > 0) {
                wrote();
            } else {
                count();
            }
        } finally {
            lock().unlock();
        }
    }

    /** The file has no name and no user: what was written is nobody's. */
    void discard() {
        PageCache cache = pages();
        if (!writesBack() || cache == null) {
            return;
        }
        lock().lock();
        try {
            if (!isInUse()) {
                cache.resize(0);
                settle();
                count();
            }
        } finally {
            lock().unlock();
        }
    }

    // ---- pages

    /**
     * The pages to read and write through, if that is better than to ask each time: where nobody else changes files, those that come in
     * messages are kept from the first byte.
     *
     * @param handle how the file is open
     * @return pages, or null to ask each time
     */
    PageCache pagesFor(Handle handle) throws ErrnoException {
        PageCache cache = pages();
        return cache == null && handle.descriptor < 0 && fileSystem.isExclusive() ? makePages() : cache;
    }

    /** Changes the size, and what else changes with it. */
    void resize(AttributeChange change) throws ErrnoException {
        // To empty a file that was opened for writing, the descriptor that the writing will need is the cheapest way.
        Handle handle = fileSystem.isExtended() && isOpenForWriting() ? tryHandle(true) : fileSystem.files().take(open, true, 0);
        try {
            JobControl.acquire(lock());
            try {
                resizeLocked(change, handle);
            } finally {
                lock().unlock();
            }
        } finally {
            if (handle != null) {
                handle.isFresh = true;
                fileSystem.files().release(handle);
            }
        }
    }

    private void resizeLocked(AttributeChange change, Handle handle) throws ErrnoException {
        int fields = change.fields();
        if (handle != null && handle.descriptor >= 0) {
            Errno.check(HostFile.truncate(handle.descriptor, change.sizeBytes()));
            fields &= ~(AttributeChange.SIZE | AttributeChange.MODIFY_TIME); // which the host has set
        }
        if (fields != 0) {
            inode.update(change, fields);
        }
        writtenEnd = Math.min(writtenEnd, change.sizeBytes());
        PageCache cache = pages();
        if (cache != null) {
            cache.resize(change.sizeBytes());
        }
        if (writtenNs != CLEAN) {
            writtenNs = change.has(AttributeChange.MODIFY_TIME) ? change.modifyNs() : change.changeNs();
            count();
        }
    }

    @Override
    protected PageSource source() {
        return new NinepPages(inode);
    }

    @Override
    protected void changed() {
        inode.changed();
    }
}
