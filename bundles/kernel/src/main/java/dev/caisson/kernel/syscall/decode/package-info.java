/**
 * How the structures of system calls read in a trace: one class per family, whose methods make {@link dev.caisson.kernel.syscall.Argument}s
 * for the rows of a table. The texts are those of strace(1) without {@code -v}.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.syscall.decode;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
