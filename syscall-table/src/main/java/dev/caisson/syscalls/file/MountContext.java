package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.Location;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.Set;

/**
 * What fsopen(2) and fspick(2) give: parameters of a filesystem that is to be made, or of one that is to be changed. Reading takes its
 * messages. The monitor guards everything.
 */
final class MountContext extends OpenFile {
    /** How far it is. */
    private enum Phase { PARAMETERS, MADE, MOUNTED, CHANGING, FAILED }

    /** Parameters that some filesystems know; others find unknown ones when they are made. */
    private static final Map<String, Set<String>> KNOWN = Map.of(
            "tmpfs", Set.of("size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge", "mpol", "inode32", "inode64", "noswap"),
            "proc", Set.of("gid", "hidepid", "subset"));
    private static final Map<String, Long> FLAGS = Map.of("ro", (long) Mount.MS_RDONLY, "sync", (long) Mount.MS_SYNCHRONOUS,
            "dirsync", (long) Mount.MS_DIRSYNC, "lazytime", 0L, "mand", 0L);
    private static final Set<String> CLEARED = Set.of("rw", "async", "nolazytime", "nomand");
    private static final int MOST_MESSAGES = 8;

    private final FileSystemProvider provider;
    private final Location picked;
    private final Map<String, String> options = new LinkedHashMap<>();
    private final Queue<String> messages = new ArrayDeque<>();
    private Phase phase;
    private String source;
    private long flags;
    private FileSystem made;

    /** For fsopen(2). */
    MountContext(FileSystemProvider provider) {
        this.provider = provider;
        this.picked = null;
        this.phase = Phase.PARAMETERS;
    }

    /** For fspick(2): the root of a mount. */
    MountContext(Location picked) {
        this.provider = null;
        this.picked = picked;
        this.phase = Phase.CHANGING;
        this.flags = picked.mount().flags();
    }

    private String type() {
        return provider != null ? provider.name() : picked.mount().fileSystem().typeName();
    }

    /** A parameter; null for one without a value. */
    synchronized void set(String key, String value) throws ErrnoException {
        if (phase != Phase.PARAMETERS && phase != Phase.CHANGING) {
            throw EBUSY.error();
        }
        Long flag = FLAGS.get(key);
        if (flag != null && value == null) {
            flags |= flag;
        } else if (CLEARED.contains(key) && value == null) {
            flags &= ~(key.equals("rw") ? (long) Mount.MS_RDONLY : 0);
        } else if (key.equals("source")) {
            if (value == null || source != null) {
                throw refuse(value == null ? "VFS: Non-string source" : "VFS: Multiple sources");
            }
            source = value;
        } else {
            Set<String> known = KNOWN.get(type());
            if (known != null && !known.contains(key)) {
                throw refuse(type() + ": Unknown parameter '" + key + "'");
            }
            options.put(key, value);
        }
    }

    private ErrnoException refuse(String message) {
        if (messages.size() == MOST_MESSAGES) {
            messages.poll();
        }
        messages.add("e " + message);
        return EINVAL.error();
    }

    /** FSCONFIG_CMD_CREATE. */
    synchronized void create(Task task) throws ErrnoException {
        if (phase != Phase.PARAMETERS) {
            throw EBUSY.error();
        }
        if (!provider.isGuestMountable()) {
            throw EPERM.error();
        }
        phase = Phase.FAILED;
        try {
            made = provider.mount(new MountRequest(name(), flags, Map.copyOf(nonNull()), task.credentials()));
        } catch (ErrnoException failure) {
            if (failure.errno() == EINVAL) {
                refuse(type() + ": Bad value");
            }
            throw failure;
        }
        phase = Phase.MADE;
    }

    private Map<String, String> nonNull() {
        Map<String, String> all = new LinkedHashMap<>();
        options.forEach((key, value) -> all.put(key, value == null ? "" : value));
        return all;
    }

    private String name() {
        return source == null ? "none" : source;
    }

    /** FSCONFIG_CMD_RECONFIGURE: of what a filesystem can change, only whether it is read-only. */
    synchronized void reconfigure(Task task) throws ErrnoException {
        if (phase != Phase.CHANGING) {
            throw EBUSY.error();
        }
        task.fs().namespace().remount(picked, flags);
    }

    /** fsmount(2): a mount that is nowhere yet. */
    synchronized dev.caisson.vfs.Mount mount(long mountFlags) throws ErrnoException {
        if (phase == Phase.PARAMETERS || phase == Phase.FAILED) {
            throw EINVAL.error();
        }
        if (phase != Phase.MADE) {
            throw EBUSY.error();
        }
        phase = Phase.MOUNTED;
        dev.caisson.vfs.Mount mount = dev.caisson.vfs.MountNamespace.detached(made, name(), mountFlags | flags & Mount.MS_RDONLY);
        made = null;
        return mount;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    /** One message for each read. */
    @Override
    public synchronized long read(IoBuffer target, long position) throws ErrnoException {
        String message = messages.peek();
        if (message == null) {
            throw ENODATA.error();
        }
        byte[] bytes = message.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length > target.remaining()) {
            throw EMSGSIZE.error();
        }
        messages.poll();
        return target.put(MemorySegment.ofArray(bytes), 0, bytes.length);
    }

    @Override
    public void close() {
        FileSystem unused;
        synchronized (this) {
            unused = made;
            made = null;
        }
        if (unused != null) {
            unused.close();
        }
    }
}
