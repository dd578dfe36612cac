package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EIDRM;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;

/** What shared memory, semaphores and message queues have in common: identifier, key, owner, permission bits. */
public abstract class IpcObject {
    final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    private final int id;
    private final int sequence;
    private volatile int key;
    private final int creatorUid;
    private final int creatorGid;
    private volatile int uid;
    private volatile int gid;
    private volatile int mode;
    /** Guarded by {@link #lock} for writing. */
    private volatile boolean removed;
    private volatile long changeSeconds = nowSeconds();

    IpcObject(IpcTable.Slot slot, int mode, Credentials owner) {
        this.id = slot.id();
        this.sequence = slot.sequence();
        this.key = slot.key();
        this.creatorUid = owner.euid();
        this.creatorGid = owner.egid();
        this.uid = creatorUid;
        this.gid = creatorGid;
        this.mode = mode & 0777;
    }

    static long nowSeconds() {
        return System.currentTimeMillis() / 1000;
    }

    /** {@return the identifier} */
    public final int id() {
        return id;
    }

    /** {@return the key; IPC_PRIVATE (0) when it has none, or none any more} */
    public final int key() {
        return key;
    }

    final void forgetKey() {
        key = 0;
    }

    /** {@return seconds since the epoch of the last change of owner, mode or limits} */
    public final long changeSeconds() {
        return changeSeconds;
    }

    final void changed() {
        changeSeconds = nowSeconds();
    }

    final boolean isRemoved() {
        return removed;
    }

    final void markRemoved() {
        removed = true;
    }

    /** The lock is held: the object may have gone since it was found. */
    final void checkAliveLocked() throws ErrnoException {
        if (removed) {
            throw EIDRM.error();
        }
    }

    /**
     * Checks access.
     *
     * @param wanted permission bits as for open modes: 0400 read, 0200 write, in any of the three places
     * @param credentials who asks
     * @throws ErrnoException EACCES
     */
    final void checkAccess(int wanted, Credentials credentials) throws ErrnoException {
        int requested = wanted >> 6 | wanted >> 3 | wanted;
        int granted = mode;
        int euid = credentials.euid();
        if (euid == creatorUid || euid == uid) {
            granted >>= 6;
        } else if (isInGroup(credentials, creatorGid) || isInGroup(credentials, gid)) {
            granted >>= 3;
        }
        if ((requested & ~granted & 7) != 0 && !credentials.has(Capability.CAP_IPC_OWNER)) {
            throw EACCES.error();
        }
    }

    private static boolean isInGroup(Credentials credentials, int group) {
        return group == credentials.egid() || credentials.inGroup(group);
    }

    /**
     * Checks for IPC_SET and IPC_RMID.
     *
     * @param credentials who asks
     * @throws ErrnoException EPERM
     */
    final void checkOwner(Credentials credentials) throws ErrnoException {
        int euid = credentials.euid();
        if (euid != creatorUid && euid != uid && !credentials.has(Capability.CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
    }

    /**
     * IPC_SET of owner and permission bits.
     *
     * @param wanted uid, gid and the lower nine bits of mode count
     * @throws ErrnoException EINVAL for an id that is -1
     */
    final void changeOwner(IpcPermissions wanted) throws ErrnoException {
        if (wanted.uid() == -1 || wanted.gid() == -1) {
            throw dev.caisson.abi.Errno.EINVAL.error();
        }
        uid = wanted.uid();
        gid = wanted.gid();
        mode = wanted.mode() & 0777;
        changed();
    }

    /** {@return key, owner and mode} */
    public final IpcPermissions permissions() {
        return new IpcPermissions(key, uid, gid, creatorUid, creatorGid, mode | extraMode(), sequence);
    }

    int extraMode() {
        return 0;
    }
}
