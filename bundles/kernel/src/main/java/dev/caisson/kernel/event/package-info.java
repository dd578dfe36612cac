/**
 * Files that tell of events: eventfd(2), epoll(7), inotify(7), and the waiting of poll(2) and select(2).
 *
 * <p>Locks: an {@code EpollFile}'s ready list is a leaf that waiters may take anywhere; its set of watched descriptions is guarded by a
 * lock of rank EPOLL, under which no other object's lock is taken.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.event;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
