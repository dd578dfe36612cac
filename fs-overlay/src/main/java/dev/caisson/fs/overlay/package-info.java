/**
 * Overlay: one writable layer over read-only ones, with the semantics and the on-disk marks of Linux's overlayfs.
 *
 * <p>Layers are {@link dev.caisson.spi.fs.FileSystem}s. A file is seen through an {@link dev.caisson.fs.overlay.OverlayInode}, which
 * hangs as an attachment on the inodes of the layers that make it up; so identity lasts as long as those do and needs no table.
 * Before anything changes, the file and its parents are copied up ({@link dev.caisson.fs.overlay.CopyUp}).
 *
 * <p>Locks, outermost first; all below the VFS's directory locks and above those of the layers:
 * <pre>
 * OverlayInode.copyUpLock   child before parent
 *   OverlayInode.names      two of them by ascending inode number
 * </pre>
 *
 * Deviation: st_dev is that of the overlay for every file (as with xino=on), links to a lower file stay links after it was copied up
 * (index=on), and lower directories can be renamed (redirect_dir=on); the marks that would carry the last two over a remount are
 * not written yet, since the upper layer lives in memory.
 */
package dev.caisson.fs.overlay;
