/** The Linux amd64 ABI as guests see it: error numbers, constants, structure layouts. */
@Export
@Version("1.0.0")
package dev.caisson.abi;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
