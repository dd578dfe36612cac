package dev.caisson.fs.overlay;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import java.util.ArrayList;
import java.util.List;

/**
 * What the lower layers have under a name of a directory: nothing, one file (and behind it those that its content is found by, when it is a
 * copy without content), or directories to merge.
 *
 * @param inodes topmost first
 * @param marked which of the directories have whiteouts of the second form; null for none
 */
record LowerLayers(Inode[] inodes, boolean[] marked) {
    static final LowerLayers NONE = new LowerLayers(OverlayInode.NO_LOWERS, null);

    /** A directory without parents has marks, too. */
    static boolean[] marks(OverlayFileSystem overlay, Inode[] directories) throws ErrnoException {
        boolean[] marked = null;
        for (int i = 0; i < directories.length - 1; i++) {
            if (overlay.marks().opacity(directories[i]) == Marks.Opacity.HAS_WHITEOUTS) {
                marked = marked == null ? new boolean[directories.length] : marked;
                marked[i] = true;
            }
        }
        return marked;
    }

    /** {@return the file that has the content of the first one} */
    Inode content() {
        return inodes[inodes.length - 1];
    }

    /**
     * Looks.
     *
     * @param parent the directory
     * @param child the name
     * @param redirect where the upper layer says that the lower ones have it, or null
     * @param onlyDirectories whether files count as nothing, since they cannot be merged
     */
    static LowerLayers find(OverlayDirectory parent, String child, String redirect, boolean onlyDirectories) throws ErrnoException {
        Inode[] stack = parent.lowers;
        OverlayFileSystem overlay = parent.overlay();
        if (redirect == null && stack.length == 1 && overlay.isLast(stack[0])) {
            Inode found = stack[0].lookup(child);
            if (found == null || onlyDirectories && !Marks.isDirectory(found) || overlay.marks().isWhiteout(found, false)) {
                return NONE;
            }
            return new LowerLayers(new Inode[] {found}, null);
        }
        return new Search(overlay, onlyDirectories).run(parent, redirect == null ? child : redirect);
    }

    /** A search in several layers, on the way of redirects. */
    private static final class Search {
        private final OverlayFileSystem overlay;
        private final Marks marks;
        private final boolean onlyDirectories;
        private final List<Inode> found = new ArrayList<>();
        private boolean[] marked;
        /** The name beside, or the path from the root. */
        private String path;
        private boolean stops;
        /** What was found last is a copy of a file without its content. */
        private boolean lacksContent;

        private Search(OverlayFileSystem overlay, boolean onlyDirectories) {
            this.overlay = overlay;
            this.marks = overlay.marks();
            this.onlyDirectories = onlyDirectories;
        }

        private LowerLayers run(OverlayDirectory parent, String start) throws ErrnoException {
            path = start;
            OverlayDirectory from = path.charAt(0) == '/' ? overlay.top() : parent;
            int last = -1;
            for (int i = 0; i < from.lowers.length && !stops; i++) {
                int layer = overlay.origins().layerOf(from.lowers[i]);
                if (layer <= last) {
                    continue;
                }
                last = layer;
                Inode candidate = path.charAt(0) == '/' ? walk(from.lowers[i]) : step(from.lowers[i], path, from.isMarked(i));
                if (candidate == null) {
                    continue;
                }
                boolean wasAbsolute = path.charAt(0) == '/';
                take(candidate);
                if (!wasAbsolute && path.charAt(0) == '/') {
                    from = overlay.top();
                    i = -1;
                }
            }
            if (lacksContent) {
                throw Errno.EIO.error("a copy without content, which no layer below has either");
            }
            return found.isEmpty() ? NONE : new LowerLayers(found.toArray(OverlayInode.NO_LOWERS), marked);
        }

        /** An entry, or null; a whiteout ends the search. */
        private Inode step(Inode directory, String name, boolean isMarked) throws ErrnoException {
            Inode candidate = directory.lookup(name);
            if (candidate != null && marks.isWhiteout(candidate, isMarked)) {
                stops = true;
                return null;
            }
            return candidate;
        }

        private Inode walk(Inode root) throws ErrnoException {
            Inode at = root;
            int start = 1;
            while (true) {
                int slash = path.indexOf('/', start);
                String name = slash < 0 ? path.substring(start) : path.substring(start, slash);
                if (name.isEmpty() || name.equals(".") || name.equals("..")) {
                    return null;
                }
                at = step(at, name, false);
                if (at == null || slash < 0) {
                    return at;
                }
                if (!Marks.isDirectory(at)) {
                    return null;
                }
                if (marks.opacity(at) == Marks.Opacity.OPAQUE) {
                    stops = true; // of what is below in other layers nothing shows
                }
                start = slash + 1;
            }
        }

        private void take(Inode candidate) throws ErrnoException {
            if (!Marks.isDirectory(candidate)) {
                takeFile(candidate);
                return;
            }
            if (lacksContent) {
                stops = true; // which a directory does not have
                return;
            }
            found.add(candidate);
            if (overlay.isLast(candidate)) {
                stops = true;
                return;
            }
            Marks.Opacity opacity = marks.opacity(candidate);
            if (opacity == Marks.Opacity.OPAQUE) {
                stops = true;
                return;
            }
            if (opacity == Marks.Opacity.HAS_WHITEOUTS) {
                if (marked == null) {
                    marked = new boolean[overlay.lowerCount()];
                }
                marked[found.size() - 1] = true;
            }
            follow(candidate);
        }

        /** A file hides what is below, unless it is a copy without content: that is in a layer further down. */
        private void takeFile(Inode candidate) throws ErrnoException {
            if (onlyDirectories || !found.isEmpty() && !lacksContent) {
                stops = true;
                return;
            }
            found.add(candidate);
            lacksContent = !overlay.isLast(candidate) && marks.isWithoutData(candidate);
            if (lacksContent) {
                follow(candidate);
            } else {
                stops = true;
            }
        }

        /** The layers further down may have it under another name. */
        private void follow(Inode candidate) throws ErrnoException {
            String redirect = marks.redirect(candidate);
            if (redirect != null) {
                boolean isBeside = redirect.charAt(0) != '/' && path.charAt(0) == '/';
                path = isBeside ? path.substring(0, path.lastIndexOf('/') + 1) + redirect : redirect;
            }
        }
    }
}
