package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.testing.fs.Guest;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What programs can see of a whole tree, one line for each path. */
final class TreeSnapshot {
    private final Guest guest;
    private final TreeMap<String, String> lines = new TreeMap<>();
    private final Map<Long, String> firstNames = new HashMap<>();
    private final TreeMap<String, Long> numbers = new TreeMap<>();

    private TreeSnapshot(Guest guest) {
        this.guest = guest;
    }

    /** Type, mode, owner, size, time of modification, attributes, content or target, and the first name of the same file. */
    static TreeMap<String, String> of(Guest guest) throws ErrnoException {
        return new TreeSnapshot(guest).walk();
    }

    static TreeMap<String, Long> numbers(Guest guest) throws ErrnoException {
        TreeSnapshot snapshot = new TreeSnapshot(guest);
        snapshot.walk();
        return snapshot.numbers;
    }

    private TreeMap<String, String> walk() throws ErrnoException {
        describe("/");
        return lines;
    }

    private void describe(String path) throws ErrnoException {
        Attributes a = guest.lstat(path);
        int type = a.mode() & Stat.S_IFMT;
        StringBuilder line = new StringBuilder();
        line.append(Integer.toOctalString(a.mode())).append(' ').append(a.uid()).append(':').append(a.gid());
        Inode inode = type == Stat.S_IFLNK ? null : guest.at(path).inode();
        if (type != Stat.S_IFDIR) {
            line.append(" links=").append(a.links()).append(" size=").append(a.sizeBytes()).append(" device=").append(a.rawDevice());
            line.append(" same=").append(firstNames.computeIfAbsent(a.inode(), key -> path));
        }
        line.append(" mtime=").append(a.modifyNs());
        numbers.put(path, a.inode());
        switch (type) {
            case Stat.S_IFREG -> line.append(" content=").append(guest.read(path));
            case Stat.S_IFLNK -> line.append(" -> ").append(guest.vfs().resolve(guest, null, path, 0).inode().readLink());
            default -> { }
        }
        if (inode != null) {
            for (String name : new TreeSet<>(inode.listXattrs())) {
                line.append(' ').append(name).append('=').append(java.util.HexFormat.of().formatHex(inode.getXattr(name)));
            }
        }
        lines.put(path, line.toString());
        if (type == Stat.S_IFDIR) {
            for (String name : new TreeSet<>(guest.list(path))) {
                if (!name.equals(".") && !name.equals("..")) {
                    describe(path.equals("/") ? "/" + name : path + "/" + name);
                }
            }
        }
    }
}
