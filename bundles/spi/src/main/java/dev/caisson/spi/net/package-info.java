/**
 * Network stacks: what makes sockets. {@link dev.caisson.spi.net.NetworkStack} is the service,
 * {@link dev.caisson.spi.net.SocketFile} what it hands out. Local sockets (AF_UNIX) are the kernel's own and implement the same class.
 */
@Export
@Version("1.0.0")
package dev.caisson.spi.net;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
