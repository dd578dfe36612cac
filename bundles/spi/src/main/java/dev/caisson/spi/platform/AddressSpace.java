package dev.caisson.spi.platform;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * One guest address space as the processor sees it: a mirror of parts of the kernel's mappings. The kernel may map less than
 * the guest may use; an access to the rest comes back as {@link Exit.Fault}.
 *
 * <p>Any thread may call; calls that overlap in addresses are serialised by the caller. When a call has returned, no guest
 * thread of this space can still use a mapping or a right that the call took away. All addresses, offsets and lengths are
 * multiples of 4096 bytes, and ranges lie below {@link Platform#addressLimit}.
 */
@ConsumerType
public interface AddressSpace extends AutoCloseable {
    /**
     * Maps bytes of the memory file, replacing what was mapped in the range.
     *
     * @param address guest address
     * @param lengthBytes length, not 0
     * @param fileOffset offset in the memory file; beyond its end is an error of the caller
     * @param protection {@code PROT_*} mask, not 0
     * @param populate whether the host should enter all pages now, since the guest will touch most of them
     * @throws ErrnoException ENOMEM when the host refuses; the range is then unmapped
     */
    void map(long address, long lengthBytes, long fileOffset, int protection, boolean populate) throws ErrnoException;

    /**
     * As {@link #map}, for a range where nothing is mapped, or the same with fewer rights: nothing is taken away from the guest. So the
     * change may come as late as the next {@link GuestContext#run} in this space, and a failure may show as a fault of the guest.
     *
     * @param address guest address
     * @param lengthBytes length, not 0
     * @param fileOffset offset in the memory file; beyond its end is an error of the caller
     * @param protection {@code PROT_*} mask, not 0
     * @throws ErrnoException ENOMEM when the host refuses; the range is then unmapped
     */
    default void mapLater(long address, long lengthBytes, long fileOffset, int protection) throws ErrnoException {
        map(address, lengthBytes, fileOffset, protection, false);
    }

    /**
     * Takes mappings away; parts that are not mapped are skipped.
     *
     * @param address guest address
     * @param lengthBytes length, not 0
     */
    void unmap(long address, long lengthBytes);

    /**
     * Changes the rights of mappings; parts that are not mapped are skipped.
     *
     * @param address guest address
     * @param lengthBytes length, not 0
     * @param protection {@code PROT_*} mask; 0 allows the platform to unmap
     * @throws ErrnoException ENOMEM when the host refuses; the range is then unmapped
     */
    void protect(long address, long lengthBytes, int protection) throws ErrnoException;

    /**
     * Says that several changes follow: what they take away may stay until {@link #endChanges}, and what they map may come then. The
     * caller gives nothing to others before.
     */
    default void beginChanges() {}

    /** Ends what {@link #beginChanges} began. */
    default void endChanges() {}

    /**
     * Makes a space for a child process. It starts with all mappings of this one, or with none: see
     * {@link Capability#INHERITS_MAPPINGS}. The caller has taken away every right that the child must not have.
     *
     * @param current the context of the calling task, which last ran in this space and is stopped; platforms may use it
     * @return the new space
     * @throws ErrnoException EAGAIN or ENOMEM when the host refuses
     */
    AddressSpace fork(GuestContext current) throws ErrnoException;

    /**
     * Says that one more task is about to run in this space, so that its context can start without delay.
     *
     * @param current the context of the calling task, which last ran in this space and is stopped
     * @throws ErrnoException EAGAIN when the host has no more threads to give
     */
    void prepareContext(GuestContext current) throws ErrnoException;

    /**
     * As {@link #prepareContext(GuestContext)}, for a platform to which it makes a difference who comes.
     *
     * @param current the context of the calling task, which last ran in this space and is stopped
     * @param next the context that comes, which was {@link GuestContext#reset} and whose thread sleeps; null for a new one
     * @throws ErrnoException EAGAIN when the host has no more threads to give
     */
    default void prepareContext(GuestContext current, GuestContext next) throws ErrnoException {
        prepareContext(current);
    }

    /**
     * Lends the space a way to change code of its guest. Called before the first context runs in it.
     *
     * @param patcher usable on the thread of a task inside of {@link GuestContext#run}, and inside of {@link #restoreCode}
     */
    default void codePatcher(CodePatcher patcher) {}

    /**
     * Says that this space, where nothing is mapped yet, gets a copy of all that is mapped in another one: code that the platform has
     * changed there comes along.
     *
     * @param parent a space of the same platform
     */
    default void inheritCode(AddressSpace parent) {}

    /** Undoes all changes of code, since another platform takes over. No context runs meanwhile. */
    default void restoreCode() {}

    /** Releases the space. No context runs in it any more. */
    @Override
    void close();
}
