/** System-call tables: rows, handlers, tracing, the compatibility page. */
@Export
@Version("1.0.0")
package dev.caisson.kernel.syscall;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
