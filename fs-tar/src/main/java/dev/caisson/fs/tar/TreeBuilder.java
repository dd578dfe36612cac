package dev.caisson.fs.tar;

import dev.caisson.abi.Stat;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Makes the tree of an archive, file by file, as if the archive were unpacked: a later file replaces an earlier one of the same name,
 * directories above a file are made where they are not mentioned. What unpacking would do outside of the tree is refused: a name with
 * {@code ..}, one that goes through a symbolic link, a hard link to nothing or to a directory.
 */
final class TreeBuilder {
    private static final String WHITEOUT = ".wh.";
    /** A directory with such a file hides those below it. */
    private static final String OPAQUE = ".wh..wh..opq";
    /** Other marks of AUFS, which say nothing about files. */
    private static final String UNUSED = ".wh..wh.";
    private static final int MOST_NAME_BYTES = 255;
    private static final int MOST_PATH_BYTES = 4096;
    private static final TarEntry UNMENTIONED =
            new TarEntry("", Stat.S_IFDIR | 0755, 0, 0, 0, 0, null, 0, 0, 0, "", 0, Map.of());

    private final TarFileSystem fileSystem;
    private final long mostFiles;
    private final TarDirectory root;
    private long files;

    TreeBuilder(TarFileSystem fileSystem, long mostFiles) throws IOException {
        this.fileSystem = fileSystem;
        this.mostFiles = mostFiles;
        this.root = new TarDirectory(fileSystem, number(), UNMENTIONED, null);
    }

    private long number() throws IOException {
        if (files == mostFiles) {
            throw new IOException("holds more than " + mostFiles + " files; the option max_entries sets the limit");
        }
        return ++files;
    }

    /**
     * Adds a file.
     *
     * @param entry as it stands in the archive
     * @throws IOException when it cannot be in a tree; the message goes on "FILE ..."
     */
    void add(TarEntry entry) throws IOException {
        List<String> path = path(entry.name());
        if (path.isEmpty()) {
            if ((entry.mode() & Stat.S_IFMT) != Stat.S_IFDIR) {
                throw new IOException("has a file in place of its root directory");
            }
            root.describe(entry.withoutName());
            return;
        }
        TarDirectory parent = parent(entry.name(), path);
        String name = path.getLast();
        if (name.startsWith(UNUSED)) {
            if (name.equals(OPAQUE)) {
                parent.makeOpaque();
            }
        } else if (name.startsWith(WHITEOUT)) {
            remove(parent, name.substring(WHITEOUT.length()), entry);
        } else if ((entry.mode() & Stat.S_IFMT) == 0) {
            link(parent, name, entry);
        } else {
            put(parent, name, entry);
        }
    }

    private static List<String> path(String name) throws IOException {
        List<String> path = new ArrayList<>();
        if (name.length() > MOST_PATH_BYTES || name.indexOf('\0') >= 0) {
            throw new IOException("has a name that is none: " + shown(name));
        }
        for (String part : name.split("/")) { // a leading slash means nothing here
            if (part.equals("..")) {
                throw new IOException("has " + shown(name) + ", which leads out of it");
            }
            if (part.length() > MOST_NAME_BYTES + WHITEOUT.length()
                    || part.length() > MOST_NAME_BYTES && !part.startsWith(WHITEOUT)) {
                throw new IOException("has a name that is none: " + shown(name));
            }
            if (!part.isEmpty() && !part.equals(".")) {
                path.add(part);
            }
        }
        return path;
    }

    /** A name for a message: without control characters, and not without end. */
    private static String shown(String name) {
        String start = name.length() > 80 ? name.substring(0, 80) + "..." : name;
        return start.replaceAll("[^ -~]", "?");
    }

    private TarDirectory parent(String name, List<String> path) throws IOException {
        TarDirectory at = root;
        for (String part : path.subList(0, path.size() - 1)) {
            if (part.startsWith(WHITEOUT)) {
                throw new IOException("has " + shown(name) + " below a mark of removal");
            }
            TarInode next = at.child(part);
            if (next == null || next.isWhiteout()) {
                next = put(at, part, UNMENTIONED);
            } else if (!next.isDirectory()) {
                boolean isLink = (next.mode() & Stat.S_IFMT) == Stat.S_IFLNK;
                throw new IOException("has " + shown(name) + (isLink ? ", which goes through the symbolic link " : ", which is below the file ")
                        + shown(part));
            }
            at = (TarDirectory) next;
        }
        return at;
    }

    private TarInode put(TarDirectory parent, String name, TarEntry entry) throws IOException {
        TarEntry kept = entry.withoutName();
        TarInode before = parent.child(name);
        int type = kept.mode() & Stat.S_IFMT;
        if (type == Stat.S_IFDIR && before instanceof TarDirectory known) {
            known.describe(kept);
            return known;
        }
        TarInode made;
        if (type == Stat.S_IFDIR) {
            made = new TarDirectory(fileSystem, number(), kept, parent);
            if (before != null && before.isWhiteout()) {
                made.makeOpaque(); // what is below was removed, and this is new
            }
        } else if (type == Stat.S_IFREG) {
            made = new TarFile(fileSystem, number(), kept);
        } else {
            if (type == Stat.S_IFLNK && (kept.link().isEmpty() || kept.link().length() >= MOST_PATH_BYTES || kept.link().indexOf('\0') >= 0)) {
                throw new IOException("has the symbolic link " + shown(entry.name()) + " to a name that is none");
            }
            made = new TarInode(fileSystem, number(), kept);
        }
        replace(parent, name, made);
        return made;
    }

    private static void replace(TarDirectory parent, String name, TarInode made) {
        TarInode before = parent.put(name, made);
        if (before == null) {
            return;
        }
        if (before instanceof TarDirectory directory) {
            dissolve(directory);
        } else {
            before.countLinks(-1);
        }
    }

    /** A directory was replaced: the files below lose their names. */
    private static void dissolve(TarDirectory top) {
        Deque<TarDirectory> open = new ArrayDeque<>(List.of(top));
        while (!open.isEmpty()) {
            for (TarInode child : open.pop().children()) {
                if (child instanceof TarDirectory directory) {
                    open.push(directory);
                } else {
                    child.countLinks(-1);
                }
            }
        }
    }

    private void remove(TarDirectory parent, String name, TarEntry entry) throws IOException {
        if (name.isEmpty() || name.equals(".") || name.equals("..")) {
            throw new IOException("has a mark of removal without a name: " + shown(entry.name()));
        }
        TarInode before = parent.child(name);
        if (before == null) {
            replace(parent, name, new TarInode(fileSystem, number(), new TarEntry("", Stat.S_IFCHR, 0, 0, 0, 0, null, entry.modifyNs(),
                    entry.modifyNs(), entry.modifyNs(), "", 0, Map.of())));
        } else if (before.isDirectory()) {
            before.makeOpaque(); // a mark is about the layers below, wherever it stands in its own
        }
    }

    private void link(TarDirectory parent, String name, TarEntry entry) throws IOException {
        TarInode target = root;
        for (String part : path(entry.link())) {
            target = target instanceof TarDirectory directory ? directory.child(part) : null;
        }
        if (target == null || target.isWhiteout()) {
            throw new IOException("has the hard link " + shown(entry.name()) + " to " + shown(entry.link()) + ", which is not there");
        }
        if (target.isDirectory()) {
            throw new IOException("has the hard link " + shown(entry.name()) + " to the directory " + shown(entry.link()));
        }
        if (parent.child(name) != target) {
            target.countLinks(1);
            replace(parent, name, target);
        }
    }

    /**
     * All files are there.
     *
     * @return the root directory
     */
    TarDirectory finish() {
        Deque<TarDirectory> open = new ArrayDeque<>(List.of(root));
        while (!open.isEmpty()) {
            TarDirectory directory = open.pop();
            for (TarInode child : directory.children()) {
                if (child instanceof TarDirectory below) {
                    open.push(below);
                }
            }
            directory.freeze();
        }
        return root;
    }

    long count() {
        return files;
    }
}
