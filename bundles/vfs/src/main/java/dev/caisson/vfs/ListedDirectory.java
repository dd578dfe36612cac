package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;

/**
 * A directory that was half read when another filesystem took it over: what is left is told from a list made before, with the positions
 * as they were, so that no entry is lost or told twice. A rewind starts over in the new filesystem.
 */
final class ListedDirectory extends OpenFile {
    private record Entry(String name, long inode, int type, long next) {}

    private final OpenFile directory;
    private final List<Entry> entries;
    /** Where it stood, and the first entry that it has not told. */
    private final long position;
    private final int first;
    /** Guarded by the offset's lock of the description, as every read of a directory. */
    private boolean isRewound;

    private ListedDirectory(OpenFile directory, List<Entry> entries, long position, int first) {
        this.directory = directory;
        this.entries = entries;
        this.position = position;
        this.first = first;
    }

    /**
     * Makes the directory that goes on where another one stands.
     *
     * @param from the half-read directory; it goes on as it is when the change fails
     * @param inode its inode in the old filesystem
     * @param position its position
     * @param to the same directory in the new filesystem; owned from now on
     * @return the directory to read from
     * @throws ErrnoException what reading fails with
     */
    static OpenFile resume(OpenFile from, Inode inode, long position, OpenFile to) throws ErrnoException {
        if (from instanceof ListedDirectory listed && !listed.isRewound) {
            return new ListedDirectory(to, listed.entries, position, listed.indexOf(position));
        }
        List<Entry> rest = list(from, position);
        OpenFile fresh = inode.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        List<Entry> all;
        try {
            all = list(fresh, 0);
        } finally {
            fresh.close();
        }
        // Earlier positions, to which a guest may seek back, count as long as the listing is one.
        int told = all.size() - rest.size();
        boolean isOne = told > 0 && all.get(told - 1).next() == position && all.subList(told, all.size()).equals(rest);
        return new ListedDirectory(to, isOne ? all : rest, position, isOne ? told : 0);
    }

    private static List<Entry> list(OpenFile from, long start) throws ErrnoException {
        List<Entry> entries = new ArrayList<>();
        long at = start;
        int before;
        do {
            before = entries.size();
            at = from.readDirectory(at, (name, inode, type, next) -> entries.add(new Entry(name, inode, type, next)));
        } while (entries.size() > before);
        return entries;
    }

    @Override
    public long readDirectory(long from, DirectorySink sink) throws ErrnoException {
        if (from == 0) {
            isRewound = true;
        }
        if (isRewound) {
            return directory.readDirectory(from, sink);
        }
        long at = from;
        for (int i = indexOf(from); i < entries.size(); i++) {
            Entry entry = entries.get(i);
            if (!sink.entry(entry.name(), entry.inode(), entry.type(), entry.next())) {
                break;
            }
            at = entry.next();
        }
        return at;
    }

    private int indexOf(long from) {
        if (from == position) {
            return first;
        }
        for (int i = 0; i < entries.size(); i++) {
            if (entries.get(i).next() == from) {
                return i + 1;
            }
        }
        return entries.size();
    }

    @Override
    public long seek(long to) throws ErrnoException {
        return isRewound || to == 0 ? directory.seek(to) : super.seek(to);
    }

    @Override
    public long sizeBytes() throws ErrnoException {
        return directory.sizeBytes();
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        directory.sync(dataOnly);
    }

    @Override
    public void statusChanged(int flags) throws ErrnoException {
        directory.statusChanged(flags);
    }

    @Override
    public void flush() throws ErrnoException {
        directory.flush();
    }

    @Override
    public void close() {
        directory.close();
    }
}
