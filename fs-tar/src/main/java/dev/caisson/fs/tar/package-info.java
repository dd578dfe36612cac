/**
 * Tar archives as read-only filesystems: an index of the archive is kept in memory, content is read where it lies in the file. The
 * archives may come from anybody: an archive that is not in order is refused when it is mounted, and one that changes below a mount
 * yields EIO.
 *
 * <p>Layers of container images (OCI image specification, "layer.md") show their {@code .wh.} files the way an overlay wants to see
 * them: a removed name is a character device 0/0, an opaque directory has the attribute {@code trusted.overlay.opaque}. The way back,
 * from the changes of a running overlay to such a layer, is {@link dev.caisson.fs.tar.OciLayerExporter}.
 *
 * <p>Header blocks are decoded and encoded by Apache Commons Compress. What lies around them (extended headers, whose values are bytes and
 * not text; the order of the archive; limits) is done here.
 */
package dev.caisson.fs.tar;
