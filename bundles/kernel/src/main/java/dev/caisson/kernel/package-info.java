/** The kernel's core: tasks, processes, process groups, sessions, pid namespaces, and the root object that holds them. */
@Export
@Version("1.0.0")
package dev.caisson.kernel;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
