package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Pages that guests can map: those of a file in a page cache or of shared memory, all living in the sandbox's memory file.
 *
 * <p>A frame stays where it is from {@link #frame} until {@link Mapping#invalidate} has returned for its page, on every mapping that
 * was added.
 */
@ConsumerType
public interface Mappable {
    /** Result of {@link #frame} for a page wholly beyond the end of the file: SIGBUS. */
    long BEYOND_END = -1;

    /** One user of pages: a range of some address space. */
    interface Mapping {
        /**
         * Forgets pages: nobody can reach their frames through this mapping when it returns. Called under the file's locks.
         *
         * @param firstPage index of the first page
         * @param pageCount how many; {@link Long#MAX_VALUE} for all
         * @param andPrivateCopies whether pages that were copied for a private mapping go as well (truncation)
         */
        void invalidate(long firstPage, long pageCount, boolean andPrivateCopies);
    }

    /**
     * The frame of a page, filled with the file's content.
     *
     * @param page index of the page: offset / 4096
     * @param write whether it will be written through a shared mapping
     * @return offset of the frame in the memory file, or {@link #BEYOND_END}
     * @throws ErrnoException EIO (SIGBUS), ENOMEM, ENOSPC (SIGBUS)
     */
    long frame(long page, boolean write) throws ErrnoException;

    /**
     * The frame of a page if it is there already, to map neighbours of a page that faulted. The answer is bound to nothing but the same
     * rules as {@link #frame}.
     *
     * @param page index of the page
     * @return as {@link #frame}, or {@link #BEYOND_END} also when the page would have to be read or allocated first
     */
    default long frameIfCached(long page) {
        return BEYOND_END;
    }

    /**
     * The frame of a page beside one that faulted in a mapping that may write. Unlike {@link #frame}, this does not use up what is short.
     *
     * @param page index of the page
     * @return as {@link #frame}, or {@link #BEYOND_END} also when a fault should ask for the page
     * @throws ErrnoException as {@link #frame}
     */
    default long frameAhead(long page) throws ErrnoException {
        return frame(page, true);
    }

    /**
     * How far the file is cached in neighbouring frames, starting with a page that is cached.
     *
     * @param page index of the page
     * @param most how many pages interest the caller, the page itself not counted
     * @param forward towards the end of the file, else towards its start
     * @return how many of the next (or preceding) pages are cached in the frames that follow (or precede) that of the page
     */
    default int cachedRun(long page, int most, boolean forward) {
        long frame = frameIfCached(page);
        int count = 0;
        int step = forward ? 1 : -1;
        while (count < most && frame != BEYOND_END
                && frameIfCached(page + (long) step * (count + 1)) == frame + 4096L * step * (count + 1)) {
            count++;
        }
        return count;
    }

    /**
     * Hint that pages will be wanted soon, to fill them in one operation into neighbouring frames.
     *
     * @param firstPage index of the first page
     * @param pageCount how many
     */
    default void readAhead(long firstPage, long pageCount) {}

    /**
     * Adds a user.
     *
     * @param mapping the user
     * @param writableShared whether it can change the file
     * @throws ErrnoException EPERM or EAGAIN when sealed, ENODEV
     */
    void addMapping(Mapping mapping, boolean writableShared) throws ErrnoException;

    /**
     * Removes a user.
     *
     * @param mapping the user
     * @param writableShared as it was added
     */
    void removeMapping(Mapping mapping, boolean writableShared);

    /**
     * Writes changed pages back, msync(2).
     *
     * @param firstPage index of the first page
     * @param pageCount how many
     * @throws ErrnoException EIO, ENOSPC
     */
    default void writeBack(long firstPage, long pageCount) throws ErrnoException {}

    /**
     * Whether it matters which pages are written: then a page is asked for with {@code write} only at a store. Memory without a file
     * behind it does not care, which saves faults.
     *
     * @return whether it does
     */
    default boolean tracksWrites() {
        return true;
    }

    /** {@return identity for shared futexes and /proc/PID/maps: the inode, or this} */
    default Object identity() {
        return this;
    }
}
