package dev.caisson.kernel;

import dev.caisson.kernel.ipc.IpcNamespace;

/**
 * The namespaces of a task, namespaces(7), besides its own pid namespace (part of its identity) and its mount namespace (part of its
 * {@link dev.caisson.vfs.FsContext}). A change makes a new value.
 *
 * @param uts host and domain name
 * @param ipc System V IPC and message queues
 * @param pidForChildren the pid namespace of new children
 */
public record Namespaces(UtsNamespace uts, IpcNamespace ipc, PidNamespace pidForChildren) {}
