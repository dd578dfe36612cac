package dev.caisson.fs.overlay;

import dev.caisson.spi.fs.Inode;

/**
 * Attached to the inode of a layer: the overlay inodes it takes part in, one for each overlay that uses the layer (nearly always one).
 */
final class LayerLinks {
    private OverlayInode first;
    private LayerLinks next;

    private LayerLinks() {}

    static OverlayInode find(Inode real, OverlayFileSystem fileSystem) {
        LayerLinks links = real.attachment(LayerLinks.class, null);
        if (links == null) {
            return null;
        }
        synchronized (links) {
            for (LayerLinks link = links; link != null; link = link.next) {
                if (link.first != null && link.first.fileSystem() == fileSystem) {
                    return link.first;
                }
            }
        }
        return null;
    }

    /** An overlay is closed. */
    static void unbind(Inode real, OverlayFileSystem fileSystem) {
        LayerLinks links = real.attachment(LayerLinks.class, null);
        if (links == null) {
            return;
        }
        synchronized (links) {
            for (LayerLinks link = links; link != null; link = link.next) {
                if (link.first != null && link.first.fileSystem() == fileSystem) {
                    link.first = null;
                }
            }
        }
    }

    /** The overlay inode of a layer's inode: the one that is there, or the candidate. */
    static OverlayInode bind(Inode real, OverlayInode candidate) {
        LayerLinks links = real.attachment(LayerLinks.class, LayerLinks::new);
        synchronized (links) {
            for (LayerLinks link = links; ; link = link.next) {
                if (link.first == null) {
                    link.first = candidate;
                    return candidate;
                }
                if (link.first.fileSystem() == candidate.fileSystem()) {
                    return link.first;
                }
                if (link.next == null) {
                    link.next = new LayerLinks();
                }
            }
        }
    }
}
