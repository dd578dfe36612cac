package dev.caisson.memory;

import dev.caisson.spi.fs.Inode;

/**
 * What shared futex words of a file belong to. It hangs on the inode and goes with the file when another filesystem serves it, so that those
 * who wait and those who wake mean the same.
 */
final class FutexOwner {
    private FutexOwner() {}

    /** The owner of the words in what is mapped. */
    static Object of(Object identity) {
        return identity instanceof Inode inode ? inode.attachment(FutexOwner.class, FutexOwner::new) : identity;
    }
}
