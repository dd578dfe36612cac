/**
 * The gofer: a small process without OSGi that serves directory trees of the host by 9P2000.L and Caisson's extension of it (package
 * {@link dev.caisson.ninep}). {@link dev.caisson.gofer.GoferLauncher} shuts it in and starts it, {@link dev.caisson.gofer.Gofer} is its
 * main class.
 *
 * <p>A {@code Server} accepts {@code Connection}s; a connection's few threads take turns at reading and answering requests, each with a
 * {@code Workspace} of its own; its {@code Session} has the {@code Fid}s and sorts requests to the classes that answer them. A fid holds
 * descriptors of the host ({@code Handle}), never a path; {@code Beneath} is the only place where names become descriptors.
 *
 * <p>What a client may not do: leave its tree ({@code ..} ends at the root, links are never followed, no name has a slash); open a device,
 * a fifo or a socket (ENXIO: to open one is to talk to a driver of the host or to wait for somebody) or a link (ELOOP); make a device other
 * than a whiteout (EPERM); change a read-only tree (EROFS); be another user than it may be ({@code AttachPolicy}); hold more than
 * {@code Limits} say (EMFILE, ENOMEM).
 *
 * <p>Locks: {@code Connection}'s two and {@code Fid}'s, each a leaf; {@code DirectoryReader}'s is held over the host's getdents64(2), and
 * {@code Export}'s, a leaf, may be taken below it.
 */
@Export
@Version("1.0.0")
package dev.caisson.gofer;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
