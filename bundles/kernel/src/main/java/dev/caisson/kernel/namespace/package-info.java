/** Namespaces as files: the links of /proc/PID/ns, and setns(2). */
@Export
@Version("1.0.0")
package dev.caisson.kernel.namespace;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
