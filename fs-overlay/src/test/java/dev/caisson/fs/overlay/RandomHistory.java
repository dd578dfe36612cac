package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.testing.fs.Guest;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A seeded sequence of operations on a tree. Which of them succeed is up to the tree: the choice follows what is there. */
final class RandomHistory {
    private static final int LOOK_EVERY = 3;
    private static final int KEPT = 12;

    private final Guest guest;
    private final Random random;
    private final List<String> files = new ArrayList<>();
    private final List<String> directories = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private int failures;

    RandomHistory(Guest guest, long seed) {
        this.guest = guest;
        this.random = new Random(seed);
    }

    /** {@return how many operations were refused} */
    int run(int steps) throws ErrnoException {
        for (int i = 0; i < steps; i++) {
            if (i % LOOK_EVERY == 0) {
                files.clear();
                directories.clear();
                look("/");
            }
            try {
                step(i);
            } catch (ErrnoException e) {
                failures++; // names that are there or gone, directories that are not empty
            }
        }
        return failures;
    }

    private void look(String path) throws ErrnoException {
        directories.add(path);
        List<String> names = new ArrayList<>(guest.list(path));
        names.sort(null);
        for (String name : names) {
            String child = path.equals("/") ? "/" + name : path + "/" + name;
            if (name.equals(".") || name.equals("..")) {
                continue;
            }
            if (isDirectory(child)) {
                look(child);
            } else {
                files.add(child);
            }
        }
    }

    private boolean isDirectory(String path) throws ErrnoException {
        try {
            return (guest.lstat(path).mode() & Stat.S_IFMT) == Stat.S_IFDIR;
        } catch (ErrnoException e) {
            throw new IllegalStateException("listed, but not there: " + path + " after " + log, e);
        }
    }

    private void note(String operation) {
        log.add(operation);
        if (log.size() > KEPT) {
            log.removeFirst();
        }
    }

    private String any(List<String> paths) {
        return paths.isEmpty() ? "/none" : paths.get(random.nextInt(paths.size()));
    }

    private String inner() {
        return directories.size() < 2 ? "/none" : directories.get(1 + random.nextInt(directories.size() - 1));
    }

    /** A name that may be there or not. */
    private String target() {
        if (random.nextInt(4) == 0) {
            return any(files);
        }
        String directory = any(directories);
        return (directory.equals("/") ? "" : directory) + "/" + "abcdefgh".charAt(random.nextInt(8));
    }

    private boolean isRegular(String path) throws ErrnoException {
        return (guest.lstat(path).mode() & Stat.S_IFMT) == Stat.S_IFREG;
    }

    private void step(int number) throws ErrnoException {
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> write(target(), "text " + number);
            case 3 -> {
                String file = any(files);
                if (isRegular(file)) {
                    write(file, "changed " + number);
                }
            }
            case 4, 5 -> mkdir(target());
            case 6, 7 -> unlink(any(files));
            case 8 -> rmdir(inner());
            case 9 -> removeTree(inner());
            case 10, 11 -> rename(any(files), target(), 0);
            case 12, 13 -> rename(inner(), random.nextInt(3) == 0 ? inner() : target(), 0);
            case 14 -> rename(random.nextBoolean() ? inner() : any(files), random.nextBoolean() ? inner() : any(files),
                    Fcntl.RENAME_EXCHANGE);
            case 15 -> link(any(files), target());
            case 16 -> guest.symlink("to " + number, target());
            case 17 -> attributes(random.nextInt(3) == 0 ? any(directories) : any(files), number);
            case 18 -> attribute(random.nextBoolean() ? any(directories) : any(files), number);
            default -> guest.vfs().mknod(guest, null, target(), Stat.S_IFIFO | 0640, 0);
        }
    }

    private void attributes(String path, int number) throws ErrnoException {
        if ((guest.lstat(path).mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            guest.chmod(path, 0700 | random.nextInt(64));
            guest.chown(path, random.nextInt(5), random.nextInt(5));
            guest.at(path).inode().change(new AttributeChange(AttributeChange.MODIFY_TIME, 0, 0, 0, 0, 0, number * 1_000_000_007L,
                    number * 1_000_000_007L));
        }
    }

    private void attribute(String path, int number) throws ErrnoException {
        int type = guest.lstat(path).mode() & Stat.S_IFMT;
        if (type != Stat.S_IFREG && type != Stat.S_IFDIR) {
            return;
        }
        Inode inode = guest.at(path).inode();
        if (random.nextInt(3) == 0) {
            inode.removeXattr("user.note");
        } else {
            inode.setXattr("user.note", new byte[] {(byte) number, 7}, 0);
        }
    }

    private void removeTree(String path) throws ErrnoException {
        for (String name : guest.list(path)) {
            if (name.equals(".") || name.equals("..")) {
                continue;
            }
            String child = path + "/" + name;
            if ((guest.lstat(child).mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                removeTree(child);
            } else {
                unlink(child);
            }
        }
        rmdir(path);
    }

    private void write(String path, String text) throws ErrnoException {
        note("write " + path);
        guest.write(path, text);
    }

    private void mkdir(String path) throws ErrnoException {
        note("mkdir " + path);
        guest.mkdir(path);
    }

    private void unlink(String path) throws ErrnoException {
        note("unlink " + path);
        guest.unlink(path);
    }

    private void rmdir(String path) throws ErrnoException {
        note("rmdir " + path);
        guest.rmdir(path);
    }

    private void link(String file, String path) throws ErrnoException {
        note("link " + file + " " + path);
        guest.link(file, path);
    }

    private void rename(String from, String to, int flags) throws ErrnoException {
        note("rename " + from + " " + to + (flags == 0 ? "" : " exchange"));
        guest.rename(from, to, flags);
    }
}
