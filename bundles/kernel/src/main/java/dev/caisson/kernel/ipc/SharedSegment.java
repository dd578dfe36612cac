package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Ipc.SHM_DEST;
import static dev.caisson.abi.Ipc.SHM_LOCKED;

import dev.caisson.abi.Mman;
import dev.caisson.abi.SharedMemoryStatus;
import dev.caisson.memory.AnonymousMemory;
import dev.caisson.memory.MappedFile;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Mappable;

/** A segment of System V shared memory. */
public final class SharedSegment extends IpcObject {
    /** A segment as mappings know it. Equal ones merge. */
    private record Attachment(SharedSegment segment, boolean readOnly) implements MappedFile {
        @Override
        public Mappable mappable() {
            return segment.memory;
        }

        @Override
        public int allowedProtection() {
            return readOnly ? Mman.PROT_READ | Mman.PROT_EXEC : Mman.PROT_READ | Mman.PROT_WRITE | Mman.PROT_EXEC;
        }

        @Override
        public String path() {
            return "/SYSV" + String.format("%08x", segment.firstKey) + " (deleted)";
        }

        @Override
        public long deviceId() {
            return 1;
        }

        @Override
        public long inodeNumber() {
            return segment.id();
        }

        @Override
        public void retain() {
            segment.attached();
        }

        @Override
        public void release() {
            segment.detached();
        }
    }

    private final SharedMemory owner;
    private final AnonymousMemory memory;
    private final int firstKey;
    private final long sizeBytes;
    private final int creatorPid;
    /** Guards the mappings' count; a leaf, since mappings come and go under their address space's own lock. */
    private final Object attachments = new Object();
    /** Guarded by {@link #attachments}. */
    private long attachCount;
    /** Guarded by {@link #attachments}. */
    private boolean closed;
    private volatile int lastPid;
    private volatile long attachSeconds;
    private volatile long detachSeconds;
    private volatile boolean locked;

    SharedSegment(SharedMemory owner, IpcTable.Slot slot, MemoryFile frames, long sizeBytes, int mode, Credentials credentials, int pid) {
        super(slot, mode, credentials);
        this.owner = owner;
        this.firstKey = slot.key();
        this.sizeBytes = sizeBytes;
        this.creatorPid = pid;
        this.memory = new AnonymousMemory(frames, sizeBytes + 4095 & -4096);
    }

    /** {@return size as asked for} */
    public long sizeBytes() {
        return sizeBytes;
    }

    /** {@return pages that take room} */
    public long residentPages() {
        return memory.allocatedPages();
    }

    MappedFile attachment(boolean readOnly) {
        return new Attachment(this, readOnly);
    }

    /** Whether a mapping is one of this kind of segments; returns it, or null. */
    static SharedSegment of(MappedFile file) {
        return file instanceof Attachment attachment ? attachment.segment : null;
    }

    void touched(int pid) {
        lastPid = pid;
    }

    void lockPages(boolean wanted) {
        locked = wanted;
    }

    /** Keeps the segment while shmat(2) is on its way, which is no attachment that IPC_STAT tells the time of. */
    void hold() {
        synchronized (attachments) {
            attachCount++;
        }
    }

    void letGo() {
        detached(false);
    }

    /** A mapping more. */
    void attached() {
        synchronized (attachments) {
            attachCount++;
            attachSeconds = nowSeconds();
        }
    }

    void detached() {
        detached(true);
    }

    private void detached(boolean mapping) {
        boolean last;
        synchronized (attachments) {
            attachCount--;
            if (mapping) {
                detachSeconds = nowSeconds();
            }
            last = attachCount == 0 && (isRemoved() || owner.removesUnused()) && !closed;
            closed |= last;
        }
        if (last) {
            owner.gone(this);
            memory.close();
        }
    }

    /** IPC_RMID: gone at once, or with the last mapping. */
    void destroy() {
        boolean last;
        lock.lock();
        try {
            markRemoved();
            synchronized (attachments) {
                last = attachCount == 0 && !closed;
                closed |= last;
            }
        } finally {
            lock.unlock();
        }
        if (last) {
            owner.gone(this);
            memory.close();
        }
    }

    boolean isClosed() {
        synchronized (attachments) {
            return closed;
        }
    }

    @Override
    int extraMode() {
        return (isRemoved() ? SHM_DEST : 0) | (locked ? SHM_LOCKED : 0);
    }

    /** {@return what IPC_STAT tells} */
    public SharedMemoryStatus status() {
        lock.lock();
        try {
            long mappings;
            synchronized (attachments) {
                mappings = attachCount;
            }
            return new SharedMemoryStatus(permissions(), sizeBytes, attachSeconds, detachSeconds, changeSeconds(), creatorPid, lastPid,
                    mappings);
        } finally {
            lock.unlock();
        }
    }
}
