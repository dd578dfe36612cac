/** Handlers of System V IPC and POSIX message queues. */
package dev.caisson.syscalls.ipc;
