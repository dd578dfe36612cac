package dev.caisson.memory;

/** Who can make guests give memory up. */
@FunctionalInterface
public interface MemoryRelief {
    /**
     * Is called when the kernel needs a frame for a guest's page in the middle of something, and an account has no room. Called on the thread of the
     * guest, which may hold locks of any rank before {@code MAPPINGS}: who takes one does so on another thread, and nobody waits for long.
     *
     * @param full who has no room
     * @param pages how many are wanted
     * @param attempt 0, and one more each time that it was of no use
     * @return whether to try again; if not, the guest gets to know of it
     */
    boolean relieve(MemoryAccount full, int pages, int attempt);
}
