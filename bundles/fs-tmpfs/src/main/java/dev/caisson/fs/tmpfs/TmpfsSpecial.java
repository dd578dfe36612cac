package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;

/** A device node, FIFO or socket; others open it. */
final class TmpfsSpecial extends TmpfsInode {
    private final long device;

    TmpfsSpecial(TmpfsFileSystem owner, NewNode node) {
        super(owner, node, 1);
        this.device = node.rawDevice();
    }

    @Override
    long rawDevice() {
        return device;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        throw ENXIO.error();
    }
}
