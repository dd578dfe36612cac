/**
 * The Linux table: one class per man-page family that declares rows, and packages of handlers by area. Private to the bundle; other
 * bundles reach the table through {@link dev.caisson.kernel.syscall.SyscallTableProvider}.
 */
package dev.caisson.syscalls;
