package dev.caisson.memory;

/**
 * What identifies a futex word: tasks that name the same key wait on the same futex.
 *
 * @param owner the address space for private memory, the identity of the mapped file for shared memory
 * @param offset the address, or the offset in the file
 */
public record FutexKey(Object owner, long offset) {
    @Override
    public boolean equals(Object other) {
        return other instanceof FutexKey that && owner == that.owner && offset == that.offset;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(owner) * 31 + Long.hashCode(offset * 0x9E3779B97F4A7C15L);
    }
}
