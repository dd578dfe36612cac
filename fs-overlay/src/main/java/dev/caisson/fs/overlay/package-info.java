/**
 * Overlay: one writable layer over read-only ones, with the semantics and the on-disk format of Linux's overlayfs.
 *
 * <p>Layers are {@link dev.caisson.spi.fs.FileSystem}s, the upper one an {@link dev.caisson.spi.fs.UpperLayer}: memory, or a directory of
 * the host. A file is seen through an {@link dev.caisson.fs.overlay.OverlayInode}, which hangs as an attachment on the inodes of the layers
 * that make it up; so identity lasts as long as those do and needs no table.
 *
 * <p>Before anything changes, the file and its parents are copied up ({@link dev.caisson.fs.overlay.CopyUp}): made in the work directory
 * beside the upper tree, synced, and renamed into place. Every other change of the tree is one call of the upper layer, too, made of
 * renames with RENAME_EXCHANGE and RENAME_WHITEOUT ({@link dev.caisson.fs.overlay.Move}); what a crash leaves in the work directory goes at
 * the next mount. The marks are those of Linux ({@link dev.caisson.fs.overlay.Marks}): whiteouts, opaque directories, redirects of renamed
 * directories, origins, impure directories, the index of files with several lower names and their link counts. What the machine's overlayfs
 * has written is read, and the other way round (redirect_dir=on, index=on, xino=on, metacopy=on or off).
 *
 * <p>Locks, outermost first; all below the VFS's directory locks and above those of the layers:
 * <pre>
 * OverlayInode.copyUpLock   child before parent
 *   OverlayDirectory.names  two of them by ascending inode number
 * </pre>
 *
 * Deviations: st_dev is that of the overlay for every file. Copies without content (metacopy=on of Linux) are read, and get their content when
 * they are opened for writing, linked or renamed; none are made, and digests in their marks (verity) are not compared. An upper
 * layer in memory does not copy a file up to note that one of its several names was removed. Where the host's filesystem has no
 * RENAME_WHITEOUT, a rename that replaces a file and hides a lower one takes two steps.
 */
package dev.caisson.fs.overlay;
