package dev.caisson.memory;

import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.Mappable;

/**
 * An open file that is mapped: what a mapping needs of the file description behind it. Two mappings merge when their files are
 * equal.
 */
public interface MappedFile {
    /** {@return its pages; null for a file that cannot be mapped, which mmap(2) answers with ENODEV} */
    Mappable mappable();

    /**
     * The most that mprotect(2) may ever grant.
     *
     * @return {@code PROT_*} mask. For a shared mapping PROT_WRITE only if the file is open for reading and writing; PROT_EXEC not on a
     *     noexec mount; PROT_READ if it is open for reading
     */
    int allowedProtection();

    /** {@return the path for /proc/PID/maps} */
    String path();

    /** {@return {@code st_dev} of the file} */
    long deviceId();

    /** {@return {@code st_ino} of the file} */
    long inodeNumber();

    /** {@return the file itself, as programs have it open; null when that is what its pages say ({@link Mappable#identity})} */
    default Inode inode() {
        return null;
    }

    /** One more mapping uses this file. */
    void retain();

    /** A mapping is gone; the last one may close the file. */
    void release();
}
