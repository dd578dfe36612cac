package dev.caisson.memory;

import dev.caisson.spi.fs.Inode;

/**
 * What shared futex words of a file belong to. It hangs on the inode that programs have open, not on that of a layer which has the pages: it
 * goes with the file when another filesystem serves it, so that those who wait and those who wake mean the same.
 */
final class FutexOwner {
    private FutexOwner() {}

    /** The owner of the words in a shared mapping. */
    static Object of(Vma vma) {
        Object identity = vma.mappable.identity();
        if (!(identity instanceof Inode pages)) {
            return identity; // memory that no file has
        }
        Inode opened = vma.file == null ? null : vma.file.inode();
        return (opened != null ? opened : pages).attachment(FutexOwner.class, FutexOwner::new);
    }
}
