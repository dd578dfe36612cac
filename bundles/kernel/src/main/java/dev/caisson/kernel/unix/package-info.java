/**
 * Local sockets, unix(7). {@link dev.caisson.kernel.unix.UnixSockets} is one namespace of them.
 *
 * <p>Locks: each socket has one of rank OBJECT for its receive queue and its queue of connections; two are never held at once. What a
 * sender has in flight is an atomic counter, and the states of a connection change by compare-and-set.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.unix;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
