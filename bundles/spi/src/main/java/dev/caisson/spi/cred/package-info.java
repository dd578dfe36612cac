/** Credentials of tasks. */
@Export
@Version("1.0.0")
package dev.caisson.spi.cred;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
