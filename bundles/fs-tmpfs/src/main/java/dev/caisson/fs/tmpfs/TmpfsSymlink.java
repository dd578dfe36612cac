package dev.caisson.fs.tmpfs;

import static dev.caisson.abi.Errno.ELOOP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;

/** A symbolic link. */
final class TmpfsSymlink extends TmpfsInode {
    private final String target;

    TmpfsSymlink(TmpfsFileSystem owner, NewNode node, String target) {
        super(owner, node, 1);
        this.target = target;
    }

    @Override
    long sizeBytes() {
        return target.length();
    }

    @Override
    public String readLink() {
        return target;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        throw ELOOP.error();
    }
}
