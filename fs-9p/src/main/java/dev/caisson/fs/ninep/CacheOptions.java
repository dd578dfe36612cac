package dev.caisson.fs.ninep;

/**
 * What is kept of a server's tree, and for how long.
 *
 * @param policy who else changes the files
 * @param locksAtServer whether locks are had at the server as well, so that others see them
 * @param idleFids fids of files that nobody uses at the moment, at most
 * @param idleFiles open files of the server that nobody uses at the moment, at most
 * @param pageBytes cached content that nobody uses at the moment, at most; 0 for as much as the sandbox has memory for
 * @param dirtyBytes content that was written and that the server does not have yet, at most
 * @param dirtyAgeNs how long the server may lack it
 */
record CacheOptions(CachePolicy policy, boolean locksAtServer, int idleFids, int idleFiles, long pageBytes, long dirtyBytes,
        long dirtyAgeNs) {
    private static final int IDLE_FIDS = 4096;
    private static final int IDLE_FILES = 384;
    private static final long DIRTY_BYTES = 64L << 20;
    /** As Linux's dirty_expire_centisecs. */
    private static final long DIRTY_AGE_NS = 30_000_000_000L;

    /** The defaults for a policy: what nobody else changes, nobody else locks. */
    static CacheOptions of(CachePolicy policy) {
        return new CacheOptions(policy, policy == CachePolicy.SHARED, IDLE_FIDS, IDLE_FILES, 0, DIRTY_BYTES, DIRTY_AGE_NS);
    }

    CacheOptions withPolicy(CachePolicy newPolicy, boolean atServer) {
        return new CacheOptions(newPolicy, atServer, idleFids, idleFiles, pageBytes, dirtyBytes, dirtyAgeNs);
    }

    CacheOptions withHandles(int fids, int files) {
        return new CacheOptions(policy, locksAtServer, fids, files, pageBytes, dirtyBytes, dirtyAgeNs);
    }

    CacheOptions withPages(long bytes) {
        return new CacheOptions(policy, locksAtServer, idleFids, idleFiles, bytes, dirtyBytes, dirtyAgeNs);
    }

    CacheOptions withDirty(long bytes, long ageNs) {
        return new CacheOptions(policy, locksAtServer, idleFids, idleFiles, pageBytes, bytes, ageNs);
    }
}
