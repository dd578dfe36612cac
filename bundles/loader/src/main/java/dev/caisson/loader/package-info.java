/** Loads programs into fresh address spaces: ELF files, {@code #!} scripts, the first stack, the vDSO. */
@Export
@Version("2.0.0")
package dev.caisson.loader;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
