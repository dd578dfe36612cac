/**
 * System V IPC, sysvipc(7), and POSIX message queues, mq_overview(7). An {@link dev.caisson.kernel.ipc.IpcNamespace} has one table of each
 * kind.
 *
 * <p>Locks: a table's monitor, and each object's lock of rank OBJECT, are never held together with another object's; the table's monitor
 * is taken without an object's lock.
 */
@Export
@Version("1.0.0")
package dev.caisson.kernel.ipc;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
