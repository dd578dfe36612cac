/** Waiting for events without losing one. */
@Export
@Version("1.0.0")
package dev.caisson.spi.wait;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
