package dev.caisson.vfs.pseudo;

import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * A directory of entries that are made when they are first looked up. Subclasses add entries that come and go (processes,
 * descriptors) by overriding {@link #lookupDynamic} and {@link #listDynamic}.
 *
 * <p>Positions for readdir are 2 plus the rank of a fixed entry, and from {@link #DYNAMIC_BASE} on the numbers of those that come and go, so that
 * they stay good while others vanish.
 */
public class PseudoDirectory extends PseudoInode {
    /** Where the positions of entries that come and go start. */
    protected static final long DYNAMIC_BASE = 1L << 16;

    /** One entry that comes and goes. */
    public record DynamicEntry(long key, String name, long inode, int mode) {}

    private final Map<String, Supplier<Inode>> makers = new TreeMap<>();
    private final Map<String, Inode> made = new ConcurrentHashMap<>();
    /**
     * Makes an empty directory.
     *
     * @param fileSystem where it lives
     * @param permissions permission bits
     */
    public PseudoDirectory(FileSystem fileSystem, int permissions) {
        super(fileSystem, Stat.S_IFDIR | permissions);
    }

    /**
     * Makes an empty directory with a number of its own choice.
     *
     * @param fileSystem where it lives
     * @param permissions permission bits
     * @param number {@code st_ino}
     */
    protected PseudoDirectory(FileSystem fileSystem, int permissions, long number) {
        super(fileSystem, Stat.S_IFDIR | permissions, number);
    }

    /**
     * Adds an entry; before the directory is used.
     *
     * @param name its name
     * @param maker makes it at the first lookup
     * @return this
     */
    public final PseudoDirectory add(String name, Supplier<Inode> maker) {
        makers.put(name, maker);
        return this;
    }

    /**
     * Adds a file that can only be read, mode 0444.
     *
     * @param name its name
     * @param content makes its text
     * @return this
     */
    public final PseudoDirectory file(String name, PseudoFile.Content content) {
        return add(name, () -> new PseudoFile(fileSystem(), 0444, content));
    }

    /**
     * Adds a symbolic link.
     *
     * @param name its name
     * @param target makes its target
     * @return this
     */
    public final PseudoDirectory link(String name, PseudoFile.Content target) {
        return add(name, () -> new PseudoLink(fileSystem(), target));
    }

    /**
     * Adds and returns a subdirectory, mode 0555.
     *
     * @param name its name
     * @return the subdirectory, to be filled
     */
    public final PseudoDirectory directory(String name) {
        PseudoDirectory child = new PseudoDirectory(fileSystem(), 0555);
        add(name, () -> child);
        return child;
    }

    /**
     * Finds an entry that comes and goes.
     *
     * @param name one component
     * @return the file, or null
     * @throws ErrnoException ENOENT, ESRCH
     */
    protected Inode lookupDynamic(String name) throws ErrnoException {
        return null;
    }

    /**
     * Lists entries that come and go.
     *
     * @return entries with ascending keys from 0
     * @throws ErrnoException ENOENT when the directory is gone
     */
    protected List<DynamicEntry> listDynamic() throws ErrnoException {
        return List.of();
    }

    /** {@return whether what the directory is about is gone: lookups are then ESRCH, listings ENOENT} */
    protected boolean isGone() {
        return false;
    }

    @Override
    protected int links() {
        return 2;
    }

    @Override
    public final Inode lookup(String name) throws ErrnoException {
        if (isGone()) {
            throw ESRCH.error();
        }
        Supplier<Inode> maker = makers.get(name);
        if (maker != null) {
            return made.computeIfAbsent(name, key -> maker.get());
        }
        return lookupDynamic(name);
    }

    /** A name that is not there cannot be made either: Linux's lookup already fails, before it would create. */
    @Override
    public Inode create(String name, NewNode node) throws ErrnoException {
        throw ENOENT.error();
    }

    @Override
    public Inode symlink(String name, String target, NewNode node) throws ErrnoException {
        throw ENOENT.error();
    }

    @Override
    public OpenFile open(int flags) {
        return new Listing();
    }

    private final class Listing extends OpenFile {
        @Override
        public long read(IoBuffer target, long position) throws ErrnoException {
            throw EISDIR.error();
        }

        /** Nothing has a size here, and SEEK_END is the beginning. */
        @Override
        public long sizeBytes() {
            return 0;
        }

        @Override
        public long readDirectory(long position, DirectorySink sink) throws ErrnoException {
            if (isGone()) {
                throw ENOENT.error();
            }
            long next = position;
            if (next == 0) {
                if (!sink.entry(".", number(), Stat.S_IFDIR >>> 12, 1)) {
                    return next;
                }
                next = 1;
            }
            if (next == 1) {
                if (!sink.entry("..", number(), Stat.S_IFDIR >>> 12, 2)) {
                    return next;
                }
                next = 2;
            }
            List<String> fixed = new ArrayList<>(makers.keySet());
            while (next < 2 + fixed.size()) {
                String name = fixed.get((int) next - 2);
                Inode child = lookup(name);
                if (!sink.entry(name, child.number(), child.mode() >>> 12, next + 1)) {
                    return next;
                }
                next++;
            }
            for (DynamicEntry entry : listDynamic()) {
                long at = DYNAMIC_BASE + entry.key;
                if (at >= next) {
                    if (!sink.entry(entry.name, entry.inode, entry.mode >>> 12, at + 1)) {
                        return next;
                    }
                    next = at + 1;
                }
            }
            return next;
        }
    }
}
