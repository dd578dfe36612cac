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

    /** Bits that go when the content is changed by somebody without CAP_FSETID: set-user-ID, and set-group-ID if group-executable. */
    static int bitsToDrop(int mode) {
        int drop = mode & Stat.S_ISUID;
        if ((mode & (Stat.S_ISGID | Stat.S_IXGRP)) == (Stat.S_ISGID | Stat.S_IXGRP)) {
            drop |= Stat.S_ISGID;
        }
        return drop;
    }

    static void dropPrivilegeBits(Inode inode, Credentials credentials) throws ErrnoException {
        int mode = inode.mode();
        int drop = bitsToDrop(mode);
        if (drop == 0 || credentials.has(Capability.CAP_FSETID)) {
            return;
        }
        inode.change(new AttributeChange(AttributeChange.MODE, mode & 07777 & ~drop, 0, 0, 0, 0, 0, FileClock.nowNs()));
    }
}
