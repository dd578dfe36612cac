package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.AnonymousMemory;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.SealedFile;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;

/** A regular file. Its pages go when it has neither names nor open files; mappings keep an open file. */
final class TmpfsFile extends TmpfsInode implements SealedFile {
    /** MAX_LFS_FILESIZE. */
    private static final long MAX_BYTES = Long.MAX_VALUE;
    private static final int ALL_SEALS = Fcntl.F_SEAL_SEAL | Fcntl.F_SEAL_SHRINK | Fcntl.F_SEAL_GROW | Fcntl.F_SEAL_WRITE
            | Fcntl.F_SEAL_FUTURE_WRITE | Fcntl.F_SEAL_EXEC;
    private static final int EXECUTE_BITS = 0111;

    private final AnonymousMemory content;
    /** Serialises writes, appends and changes of size. */
    private final RankedLock lock = RankedLock.of(LockRank.INODE);
    /** Guarded by {@link #lock}. */
    private volatile int seals = Fcntl.F_SEAL_SEAL;
    /** Open files. Guarded by this. */
    private int opens;
    private boolean closed;

    TmpfsFile(TmpfsFileSystem owner, NewNode node) {
        super(owner, node, 1);
        this.content = new AnonymousMemory(owner.memory(), owner, this);
        content.whenWrittenByMappings(this::modified);
    }

    @Override
    public void allowSealing() {
        seals = 0;
    }

    @Override
    long sizeBytes() {
        return content.sizeBytes();
    }

    @Override
    long blocks() {
        return content.allocatedPages() << 3;
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        if ((seals & Fcntl.F_SEAL_EXEC) != 0 && ((change.modeAfter(mode()) ^ mode()) & EXECUTE_BITS) != 0) {
            throw EPERM.error("sealed");
        }
        if (change.has(AttributeChange.SIZE)) {
            lock.lock();
            try {
                long old = content.sizeBytes();
                if (change.sizeBytes() < old && (seals & Fcntl.F_SEAL_SHRINK) != 0
                        || change.sizeBytes() > old && (seals & Fcntl.F_SEAL_GROW) != 0) {
                    throw EPERM.error("sealed");
                }
                if (change.sizeBytes() != old) {
                    content.resize(change.sizeBytes());
                }
            } finally {
                lock.unlock();
            }
        }
        super.change(change);
    }

    /** The file starts without a name: its first open file keeps it. */
    synchronized void bornUnnamed() {
        links = 0;
    }

    @Override
    void linksGone() {
        closeIfUnused();
    }

    private void closeIfUnused() {
        synchronized (this) {
            if (links != 0 || opens != 0 || closed) {
                return;
            }
            closed = true;
        }
        content.close();
        dropXattrs();
        owner.uncharge();
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        synchronized (this) {
            if (closed) {
                throw ESTALE.error("lost its last name since it was found");
            }
            opens++;
        }
        return new Open();
    }

    @Override
    public int seals() {
        return seals;
    }

    @Override
    public void addSeals(int asked) throws ErrnoException {
        if ((asked & ~ALL_SEALS) != 0) {
            throw EINVAL.error();
        }
        // what stays executable must not be written any more
        int added = (asked & Fcntl.F_SEAL_EXEC) != 0 && (mode() & EXECUTE_BITS) != 0
                ? asked | Fcntl.F_SEAL_SHRINK | Fcntl.F_SEAL_GROW | Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE : asked;
        lock.lock();
        try {
            if ((seals & Fcntl.F_SEAL_SEAL) != 0) {
                throw EPERM.error();
            }
            if ((added & ~seals & Fcntl.F_SEAL_WRITE) != 0 && !content.sealAgainstWritableMappings()) {
                throw EBUSY.error();
            }
            if ((added & ~seals & Fcntl.F_SEAL_FUTURE_WRITE) != 0) {
                content.refuseWritableMappings();
            }
            seals |= added;
        } finally {
            lock.unlock();
        }
    }

    private long writeLocked(IoBuffer source, long position) throws ErrnoException {
        if ((seals & (Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE)) != 0) {
            throw EPERM.error("sealed");
        }
        if ((seals & Fcntl.F_SEAL_GROW) != 0 && position + source.remaining() > content.sizeBytes()) {
            throw EPERM.error("sealed");
        }
        if (position > MAX_BYTES - source.remaining()) {
            throw EFBIG.error();
        }
        long count = content.write(source, position);
        if (count > 0) {
            modified();
        }
        return count;
    }

    private final class Open extends OpenFile {
        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            return content.read(target, position);
        }

        @Override
        public long write(IoBuffer source, long position) throws ErrnoException {
            lock.lock();
            try {
                return writeLocked(source, position);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public long append(IoBuffer source) throws ErrnoException {
            lock.lock();
            try {
                long position = content.sizeBytes();
                return position + writeLocked(source, position);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public long sizeBytes() {
            return content.sizeBytes();
        }

        @Override
        public long seekExtent(long position, boolean hole) throws ErrnoException {
            return content.seekExtent(position, hole);
        }

        @Override
        public void sync(boolean dataOnly) {}

        @Override
        public void allocate(int mode, long position, long lengthBytes) throws ErrnoException {
            lock.lock();
            try {
                allocateLocked(mode, position, lengthBytes);
            } finally {
                lock.unlock();
            }
        }

        private void allocateLocked(int mode, long position, long lengthBytes) throws ErrnoException {
            if ((mode & ~(Fcntl.FALLOC_FL_KEEP_SIZE | Fcntl.FALLOC_FL_PUNCH_HOLE)) != 0) {
                throw EOPNOTSUPP.error();
            }
            if ((mode & Fcntl.FALLOC_FL_PUNCH_HOLE) != 0) {
                if ((seals & (Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE)) != 0) {
                    throw EPERM.error("sealed");
                }
                content.punchHole(position, lengthBytes);
                modified();
                return;
            }
            long end = position + lengthBytes;
            boolean grows = end > content.sizeBytes() && (mode & Fcntl.FALLOC_FL_KEEP_SIZE) == 0;
            if (grows && (seals & Fcntl.F_SEAL_GROW) != 0) {
                throw EPERM.error("sealed");
            }
            content.preallocate(position, lengthBytes);
            if (grows) {
                content.resize(end);
            }
            modified();
        }

        @Override
        public Mappable mappable() {
            return content;
        }

        @Override
        public void close() {
            synchronized (TmpfsFile.this) {
                opens--;
            }
            closeIfUnused();
        }
    }
}
