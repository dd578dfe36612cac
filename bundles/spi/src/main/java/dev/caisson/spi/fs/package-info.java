/** The contract of filesystems, after the VFS of Linux. */
@Export
@Version("1.0.0")
package dev.caisson.spi.fs;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
