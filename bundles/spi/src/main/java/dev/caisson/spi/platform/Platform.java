package dev.caisson.spi.platform;

import dev.caisson.abi.ErrnoException;
import java.util.Set;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A way to run guest code. Implementations are OSGi services that carry {@link #NAME}; they are safe for use by many tasks.
 *
 * <p>No value above this contract depends on the platform, so that any platform can continue what another one started.
 */
@ConsumerType
public interface Platform extends AutoCloseable {
    /** Service property: the name by which configuration chooses a platform ("ptrace", "systrap", "kvm"). */
    String NAME = "caisson.name";

    /** {@return the name by which configuration chooses this platform} */
    String name();

    /** {@return what this platform can do beyond the contract; fixed for the life of the service} */
    Set<Capability> capabilities();

    /**
     * One past the highest address a guest may use; page aligned. The platform keeps the rest for itself.
     *
     * @return the limit in bytes
     */
    long addressLimit();

    /**
     * Makes an address space in which nothing is mapped.
     *
     * @param memoryFile descriptor of the host file that {@link AddressSpace#map} maps; it outlives the space
     * @return the new space
     * @throws ErrnoException ENOMEM or EAGAIN when the host refuses
     */
    AddressSpace newAddressSpace(int memoryFile) throws ErrnoException;

    /** {@return a new context for one task; it takes host resources when it first runs} */
    GuestContext newContext();

    /**
     * Ends at once what runs in the spaces over a memory file, because a sandbox ends: thousands of busy threads need not be interrupted
     * one by one, each waiting for its turn on the processors. A context that is used afterwards may fail as if the host had taken the
     * guest thread away. Spaces and contexts are still to be closed. A platform without a quicker way than
     * {@link GuestContext#interrupt} does nothing.
     *
     * @param memoryFile the descriptor that the spaces were made with
     */
    default void kill(int memoryFile) {}

    /** Releases what the platform holds. All spaces and contexts are closed before. */
    @Override
    void close();
}
