/**
 * The sandbox's own standard input, output and error as files of the guest: pipes, sockets, regular files, or a terminal of the host.
 *
 * <p>The descriptors belong to the caller too. Nothing here changes the status flags they share with others; where the host lets us, a
 * pipe or terminal is opened once more by way of /proc/self/fd, so that it can be non-blocking for us alone.
 */
@Export
@Version("1.0.0")
package dev.caisson.fs.dev.stdio;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
