/**
 * A directory of the host as a filesystem.
 *
 * <p>The directory is opened once; everything below is reached by single names relative to directory descriptors, never through a
 * symbolic link, so nothing outside can be named. Host descriptors are few: a cache bounds those that nobody uses at the moment
 * ({@link dev.caisson.fs.host.HandleCache}). Device nodes, FIFOs and sockets of the host are shown and never opened: opening one gives
 * ENXIO, and the VFS opens the guest's own device or pipe instead. Directories of the host's pseudo filesystems (proc, sysfs, devpts,
 * cgroup and the like) are shown empty, since they would tell about the sandbox's own process.
 *
 * <p>A directory that takes the changes of an overlay ({@link dev.caisson.fs.host.HostUpperFileSystem}) has one user at a time, holds device
 * nodes (which are never opened) and attributes of all namespaces, shows no file half made, and may have a limit
 * ({@link dev.caisson.fs.host.HostBudget}: blocks, and 1 KiB for each file). Access control lists count in every mode.
 *
 * <p>Locks, outermost first: {@code HostContent.lock} (INODE), the page cache's, the handle cache's (a leaf).
 */
package dev.caisson.fs.host;
