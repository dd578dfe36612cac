package dev.caisson.fs.tar;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LayerChange;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.fs.LayeredFileSystem;
import dev.caisson.spi.fs.OpenFile;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Walks the changes of a filesystem while programs go on changing it. Each directory is listed once and each file read once; what goes
 * away in between is left out. Removed names become {@code .wh.NAME}, a directory that hides what is below contains {@code .wh..wh..opq}.
 *
 * <p>A file of a lower layer that was changed under one of its names shows the change under the others, too, though the upper layer does not
 * have those, or none at all when that one name has gone. They are looked for, in the listings of the whole tree, when a file has more
 * names than were met.
 */
final class LayerWriter {
    private static final Logger log = LoggerFactory.getLogger(LayerWriter.class);
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE = ".wh..wh..opq";
    private static final int MOST_PATH_BYTES = 4096;
    private static final int TYPE_SHIFT = 12;

    private final LayeredFileSystem source;
    private final TarWriter target;
    private final Deque<Directory> pending = new ArrayDeque<>();
    /** The names of files with more than one, the one that was written first in front. */
    private final Map<Inode, List<String>> linked = new IdentityHashMap<>();
    /** Directories that were written, ended by slashes. */
    private final Set<String> directories = new HashSet<>();
    private long entries;
    private long skipped;

    LayerWriter(LayeredFileSystem source, OutputStream target) {
        this.source = source;
        this.target = new TarWriter(target);
    }

    /**
     * A directory whose entries are to be written.
     *
     * @param path its own, ended by a slash; empty for the root
     * @param inode the directory
     * @param isWhole whether all it contains counts as changed
     */
    private record Directory(String path, Inode inode, boolean isWhole) {}

    LayerExporter.Summary write() throws IOException, ErrnoException {
        Inode root = source.root();
        target.put("./", root, root.attributes(), "");
        directories.add("");
        entries++;
        pending.push(new Directory("", root, false));
        // Depth first, in the order of names: an archive of the same changes is the same.
        while (!pending.isEmpty()) {
            Directory directory = pending.pop();
            try {
                List<Directory> below = write(directory);
                for (int i = below.size() - 1; i >= 0; i--) {
                    pending.push(below.get(i));
                }
            } catch (ErrnoException e) {
                missing(directory.path, e);
            }
        }
        writeOtherNames();
        target.finish();
        return new LayerExporter.Summary(entries, skipped);
    }

    private List<Directory> write(Directory directory) throws IOException, ErrnoException {
        List<LayerChange> changes = new ArrayList<>(directory.isWhole ? all(directory.inode) : source.changes(directory.inode));
        changes.sort(Comparator.comparing(LayerChange::name));
        List<Directory> below = new ArrayList<>();
        for (LayerChange change : changes) {
            String path = directory.path + change.name();
            if (path.length() + WHITEOUT.length() > MOST_PATH_BYTES || change.name().startsWith(WHITEOUT)) {
                // No layer can hold it: too deep for others to unpack, or it would be taken for a mark.
                skipped++;
                log.debug("left out of the layer: a name of {} bytes", path.length());
                continue;
            }
            if (change.kind() == LayerChange.Kind.REMOVED) {
                mark(directory.path + WHITEOUT + change.name());
                continue;
            }
            try {
                Inode file = directory.inode.lookup(change.name());
                if (file != null) {
                    write(path, file, change.kind(), below);
                }
            } catch (ErrnoException e) {
                missing(path, e);
            }
        }
        return below;
    }

    private void write(String path, Inode file, LayerChange.Kind kind, List<Directory> below) throws IOException, ErrnoException {
        Attributes attributes = file.attributes();
        switch (attributes.mode() & Stat.S_IFMT) {
            case Stat.S_IFDIR -> {
                target.put(path + "/", file, attributes, "");
                directories.add(path + "/");
                if (kind != LayerChange.Kind.DIRECTORY) {
                    mark(path + "/" + OPAQUE);
                }
                below.add(new Directory(path + "/", file, kind != LayerChange.Kind.DIRECTORY));
            }
            case Stat.S_IFSOCK -> {
                skipped++; // lives only as long as who listens on it
                return;
            }
            default -> {
                List<String> names = attributes.links() > 1 ? linked.computeIfAbsent(file, key -> new ArrayList<>()) : List.of();
                if (attributes.links() > 1) {
                    names.add(path);
                }
                if (names.size() > 1) {
                    target.link(path, names.getFirst(), attributes);
                } else if ((attributes.mode() & Stat.S_IFMT) == Stat.S_IFREG) {
                    content(path, file, attributes);
                } else {
                    target.put(path, file, attributes, (attributes.mode() & Stat.S_IFMT) == Stat.S_IFLNK ? file.readLink() : "");
                }
            }
        }
        entries++;
    }

    private void content(String path, Inode file, Attributes attributes) throws IOException, ErrnoException {
        OpenFile open = file.open(Fcntl.O_RDONLY);
        try {
            target.putContent(path, file, attributes, open);
        } finally {
            open.close();
        }
    }

    private void mark(String path) throws IOException {
        target.mark(path);
        entries++;
    }

    private void missing(String path, ErrnoException e) throws ErrnoException {
        if (e.errno() != Errno.ENOENT && e.errno() != Errno.ESTALE) {
            throw e.errno().explained("cannot read /" + path + ": " + e.errno().text());
        }
        skipped++; // it went away after it was listed
    }

    // ---- names that the upper layer does not have

    private void writeOtherNames() throws IOException, ErrnoException {
        Map<Long, Inode> wanted = new HashMap<>(); // null for what was not met under any name
        for (long number : source.changedLinks()) {
            wanted.put(number, null);
        }
        Set<String> beside = new TreeSet<>();
        for (Map.Entry<Inode, List<String>> file : linked.entrySet()) {
            if (file.getKey().attributes().links() > file.getValue().size()) {
                wanted.put(file.getKey().number(), file.getKey());
                file.getValue().forEach(name -> beside.add(name.substring(0, name.lastIndexOf('/') + 1)));
            } else {
                wanted.remove(file.getKey().number());
            }
        }
        // Most links lie beside each other; looking through everything is the last resort.
        for (String path : beside) {
            if (find(path) instanceof Inode directory) {
                search(new Directory(path, directory, true), wanted, new ArrayDeque<>());
            }
        }
        Deque<Directory> open = new ArrayDeque<>(List.of(new Directory("", source.root(), true)));
        while (!open.isEmpty() && !wanted.isEmpty()) {
            search(open.pop(), wanted, open);
        }
    }

    /** Finds a written directory again; null when it is gone. */
    private Inode find(String path) throws ErrnoException {
        Inode at = source.root();
        for (String part : path.isEmpty() ? new String[0] : path.split("/")) {
            at = at == null ? null : at.lookup(part);
        }
        return at;
    }

    /** Looks for names of files in a directory, and adds the directories in it. */
    private void search(Directory directory, Map<Long, Inode> wanted, Deque<Directory> open) throws IOException, ErrnoException {
        try {
            for (Entry entry : list(directory.inode)) {
                String path = directory.path + entry.name;
                if (path.length() > MOST_PATH_BYTES) {
                    continue;
                }
                if (entry.type == Stat.S_IFDIR >>> TYPE_SHIFT) {
                    if (directory.inode.lookup(entry.name) instanceof Inode below) {
                        open.push(new Directory(path + "/", below, true));
                    }
                } else if (wanted.containsKey(entry.number)) {
                    found(path, directory.inode.lookup(entry.name), entry.number, wanted);
                }
            }
        } catch (ErrnoException e) {
            missing(directory.path, e);
        }
    }

    /** A listing shows a name with the number of a file whose names are wanted. */
    private void found(String path, Inode file, long number, Map<Long, Inode> wanted) throws IOException, ErrnoException {
        Inode known = wanted.get(number);
        if (file == null || file.number() != number || known != null && known != file
                || linked.getOrDefault(file, List.of()).contains(path)) {
            return; // gone meanwhile, or written
        }
        if (!writeDirectoriesAbove(path)) {
            return;
        }
        write(path, file, LayerChange.Kind.FILE, new ArrayList<>());
        wanted.put(number, file);
        if (linked.getOrDefault(file, List.of(path)).size() >= file.attributes().links()) {
            wanted.remove(number);
        }
    }

    /** Directories that are not mentioned would be made anew, with owners and modes of nobody's choice. False when one is gone. */
    private boolean writeDirectoriesAbove(String path) throws IOException, ErrnoException {
        Inode at = source.root();
        for (int slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
            at = at.lookup(path.substring(path.lastIndexOf('/', slash - 1) + 1, slash));
            if (at == null) {
                return false;
            }
            if (directories.add(path.substring(0, slash + 1))) {
                target.put(path.substring(0, slash + 1), at, at.attributes(), "");
                entries++;
            }
        }
        return true;
    }

    // ---- listings

    /** What a directory tells of a name. */
    private record Entry(String name, long number, int type) {}

    private static List<Entry> list(Inode directory) throws ErrnoException {
        List<Entry> found = new ArrayList<>();
        OpenFile open = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            long position = 0;
            for (long next = -1; next != position;) {
                position = next < 0 ? 0 : next;
                next = open.readDirectory(position, (name, number, type, behind) -> {
                    if (!name.equals(".") && !name.equals("..")) {
                        found.add(new Entry(name, number, type));
                    }
                    return true;
                });
            }
        } finally {
            open.close();
        }
        return found;
    }

    /** All entries of a directory. */
    private static Collection<LayerChange> all(Inode directory) throws ErrnoException {
        Map<String, LayerChange> found = new HashMap<>(); // one that is renamed meanwhile may be listed twice
        for (Entry entry : list(directory)) {
            found.put(entry.name, new LayerChange(entry.name, LayerChange.Kind.FILE));
        }
        return found.values();
    }
}
