package dev.caisson.spi.wait;

import dev.caisson.abi.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** Watches descriptors of the host on one thread, so that no task blocks in a host call. Safe for many threads. */
@ProviderType
public interface HostWatcher {
    /** One watched descriptor. */
    interface Registration extends AutoCloseable {
        /**
         * Changes what is watched for, and arms a one-shot registration again.
         *
         * @param events {@code EPOLL*} mask
         */
        void modify(int events);

        /** Ends the watching. The waiter may be told once more by a call that is under way. */
        @Override
        void close();
    }

    /**
     * Begins to watch.
     *
     * @param hostDescriptor an open descriptor of the host; it stays open until the registration is closed
     * @param events {@code EPOLL*} mask; EPOLLET and EPOLLONESHOT are usual, since a level stays and would keep the thread busy
     * @param waiter is told on the watching thread; it may do a little work, but must not block
     * @return the registration
     * @throws ErrnoException EPERM when the host cannot poll it (regular files), EEXIST when it is watched, ENOSPC
     */
    Registration register(int hostDescriptor, int events, Waiter waiter) throws ErrnoException;
}
