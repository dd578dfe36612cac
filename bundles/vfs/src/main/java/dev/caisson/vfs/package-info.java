/**
 * Mounts, dentries, path walk, file descriptions and descriptor tables: everything between a system call that names a file
 * and the {@link dev.caisson.spi.fs.Inode} that is the file.
 *
 * <p>Locks, outermost first: {@code FD_TABLE}, {@code FS_CONTEXT}, {@code MOUNTS}, {@code RENAME}, {@code DIRECTORY} (parent before
 * child; unrelated directories only under {@code RENAME}), {@code FILE_OFFSET}, then what the filesystem has. A path walk over cached
 * dentries takes none of them.
 */
@Export
@Version("1.0.0")
package dev.caisson.vfs;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
