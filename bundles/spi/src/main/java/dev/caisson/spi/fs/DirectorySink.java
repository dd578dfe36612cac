package dev.caisson.spi.fs;

/** Takes directory entries. */
@FunctionalInterface
public interface DirectorySink {
    /**
     * Takes one entry.
     *
     * @param name the name; "." and ".." included
     * @param inode {@code d_ino}
     * @param type {@code DT_*}: the file type bits of the mode, shifted right by 12
     * @param nextPosition {@code d_off}: the position from which to go on behind this entry
     * @return false when there is no room; the entry was not taken
     */
    boolean entry(String name, long inode, int type, long nextPosition);
}
