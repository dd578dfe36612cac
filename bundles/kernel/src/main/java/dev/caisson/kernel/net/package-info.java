/** How the kernel holds its network: the selected stack and the local sockets. */
@Export
@Version("1.0.0")
package dev.caisson.kernel.net;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
