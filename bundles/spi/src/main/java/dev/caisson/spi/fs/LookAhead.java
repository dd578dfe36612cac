package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;

/**
 * Answers to the lookups of one path, asked for at once where each would have to be asked otherwise. It belongs to one walk and one thread, and is
 * not kept.
 */
@FunctionalInterface
public interface LookAhead {
    /**
     * As {@link Inode#lookup}; what was not foreseen is looked up now.
     *
     * @param directory where
     * @param name the entry
     * @return the file, or null when there is none
     * @throws ErrnoException as {@link Inode#lookup}
     */
    Inode lookup(Inode directory, String name) throws ErrnoException;
}
