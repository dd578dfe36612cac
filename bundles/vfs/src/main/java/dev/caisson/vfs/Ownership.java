package dev.caisson.vfs;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.Inode;

/** Rules of ownership that several calls share: chmod(2), chown(2), write(2). */
final class Ownership {
    private Ownership() {}

    /** Owner, or CAP_FOWNER. */
    static boolean isOwnerOrCapable(Inode inode, Credentials credentials) {
        return credentials.fsuid() == inode.uid() || credentials.has(Capability.CAP_FOWNER);
    }

    /**
     * Bits that go when the file changes hands, setattr_should_drop_suidgid of Linux: set-user-ID, and set-group-ID if the file is
     * group-executable or somebody outside the group without CAP_FSETID changes it.
     */
    static int bitsToDrop(Inode inode, Credentials credentials) {
        int mode = inode.mode();
        int drop = mode & Stat.S_ISUID;
        if ((mode & Stat.S_ISGID) != 0 && ((mode & Stat.S_IXGRP) != 0
                || !credentials.inGroup(inode.gid()) && !credentials.has(Capability.CAP_FSETID))) {
            drop |= Stat.S_ISGID;
        }
        return drop;
    }

    /** The same when the content changes, where CAP_FSETID keeps every bit. */
    static int bitsToDropByWriting(Inode inode, Credentials credentials) {
        int drop = bitsToDrop(inode, credentials);
        return drop == 0 || credentials.has(Capability.CAP_FSETID) ? 0 : drop;
    }

    static void dropPrivilegeBits(Inode inode, Credentials credentials) throws ErrnoException {
        int mode = inode.mode();
        int drop = bitsToDropByWriting(inode, credentials);
        if (drop == 0) {
            return;
        }
        inode.change(new AttributeChange(AttributeChange.MODE, mode & 07777 & ~drop, 0, 0, 0, 0, 0, FileClock.nowNs()));
    }
}
