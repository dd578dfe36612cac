/**
 * A small amd64 assembler for stubs, trampolines and the like (jnr-x86asm has neither {@code syscall} nor raw bytes), and one for seccomp
 * filters.
 */
@Export
@Version("1.0.0")
package dev.caisson.host.code;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
