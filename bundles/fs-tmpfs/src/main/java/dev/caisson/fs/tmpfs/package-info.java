/**
 * tmpfs(5): a filesystem in the sandbox's memory file.
 *
 * <p>Attributes are guarded by each inode's monitor, a leaf; the tree by the VFS's directory locks plus the monitor of the directory; content
 * by {@code INODE} and the locks of {@link dev.caisson.memory.AnonymousMemory}.
 */
package dev.caisson.fs.tmpfs;
