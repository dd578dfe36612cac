/**
 * Raw bindings: the system call instruction and the few other instructions Java cannot express. Use the typed classes of
 * {@link dev.caisson.host} instead wherever they have what is needed.
 */
@Export
@Version("1.0.0")
package dev.caisson.host.raw;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
