/**
 * seccomp(2): filters that decide about a task's system calls before they are carried out. A {@link SeccompState} is immutable, so that a
 * system call reads one reference; attaching and inheriting happen under TASK_SET.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.seccomp;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
