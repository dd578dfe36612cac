package dev.caisson.vfs.pseudo;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.OpenFile;

/** A symbolic link whose target is made up when it is read. */
public class PseudoLink extends PseudoInode {
    private final PseudoFile.Content target;

    /**
     * Makes a link.
     *
     * @param fileSystem where it lives
     * @param target makes the target
     */
    public PseudoLink(FileSystem fileSystem, PseudoFile.Content target) {
        super(fileSystem, Stat.S_IFLNK | 0777);
        this.target = target;
    }

    @Override
    public String readLink() throws ErrnoException {
        return target.text();
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        throw dev.caisson.abi.Errno.ELOOP.error();
    }
}
