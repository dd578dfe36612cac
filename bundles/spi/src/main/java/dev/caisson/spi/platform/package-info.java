/** The contract of ways to run guest code. */
@Export
@Version("1.2.0")
package dev.caisson.spi.platform;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
