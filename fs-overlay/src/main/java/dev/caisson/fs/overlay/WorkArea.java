package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory beside the upper tree where files are made before a rename puts them into their place, and where directories go that a
 * rename has taken out of it. What is left here by a crash is removed at the next mount.
 */
final class WorkArea {
    private static final Logger log = LoggerFactory.getLogger(WorkArea.class);

    private final Inode directory;
    private final AtomicLong last = new AtomicLong();

    WorkArea(Inode directory) {
        this.directory = directory;
    }

    Inode directory() {
        return directory;
    }

    /** A name that nobody has used. */
    String newName() {
        return "#" + Long.toHexString(last.incrementAndGet());
    }

    /** Puts what was made here under a name of the tree, in place of what is there. A directory takes a place by exchange. */
    void publish(String temporary, Inode made, Inode target, String name, Inode covered) throws ErrnoException {
        if (covered != null && Marks.isDirectory(covered) | Marks.isDirectory(made)) {
            directory.rename(temporary, made, target, name, covered, Fcntl.RENAME_EXCHANGE);
            discard(temporary, covered);
        } else {
            directory.rename(temporary, made, target, name, covered, 0);
        }
    }

    /** Takes a directory out of the tree and removes it with all that is in it. */
    void takeAway(Inode from, String name, Inode gone) throws ErrnoException {
        String temporary = newName();
        from.rename(name, gone, directory, temporary, null, 0);
        discard(temporary, gone);
    }

    /** Removes something from here. Failing only leaves rubbish, which the next mount removes. */
    void discard(String temporary, Inode gone) {
        try {
            if (Marks.isDirectory(gone)) {
                clear(gone);
                directory.rmdir(temporary, gone);
            } else {
                directory.unlink(temporary, gone);
            }
        } catch (ErrnoException e) {
            log.warn("cannot clean the work directory: name={} errno={}", temporary, e.errno());
        }
    }

    /** What is in such a directory are whiteouts: it was empty for those who use it. */
    private static void clear(Inode gone) throws ErrnoException {
        for (String name : names(gone)) {
            Inode child = gone.lookup(name);
            if (child == null) {
                continue;
            }
            if (Marks.isDirectory(child)) {
                clear(child);
                gone.rmdir(name, child);
            } else {
                gone.unlink(name, child);
            }
        }
    }

    static List<String> names(Inode directory) throws ErrnoException {
        List<String> names = new ArrayList<>();
        OpenFile file = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            long[] position = {0};
            int[] taken = {1};
            while (taken[0] > 0) {
                taken[0] = 0;
                position[0] = file.readDirectory(position[0], (name, inode, type, next) -> {
                    taken[0]++;
                    if (!name.equals(".") && !name.equals("..")) {
                        names.add(name);
                    }
                    return true;
                });
            }
        } finally {
            file.close();
        }
        return names;
    }
}
