package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.memory.FileMappingMove;
import dev.caisson.memory.MappedFile;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives mounts another filesystem under programs that use them. Mounts, dentries and descriptions stay the same objects, so that working
 * directories, roots, mount points, bind mounts and descriptors follow by themselves; what is exchanged is the inode behind each dentry and
 * the open file behind each description. Locks, pipes, sockets and watches hang on inodes and go with them.
 *
 * <p>In four steps: {@link #prepare} while programs run; {@link #plan} and {@link #commit} while all tasks are at their safe points;
 * {@link #finish} when they run again, or {@link #abandon} in place of the last two. Until the commit, which cannot fail, everything is as
 * it was. A file that the new filesystem does not have, or that is another one there, stays with the old filesystem, which is closed when
 * the last such file is. Each later change tries again whether such a file can come home.
 */
public final class FileSystemSwap {
    private static final Logger log = LoggerFactory.getLogger(FileSystemSwap.class);

    /** How often a plan is made anew because a file turned out to be one that stays. */
    private static final int MOST_PLANS = 1000;

    /**
     * A file that stays with the old filesystem until it is closed.
     *
     * @param description the open file; null for a root or working directory
     * @param path its path, from the root of the mount namespace
     * @param reason why it stays
     */
    public record Stayed(FileDescription description, String path, String reason) {}

    private final Mount mount;
    private final DentryTree tree;
    private final FileSystem old;
    private final FileSystem next;
    private final String source;

    private final Map<Inode, String> refused = new IdentityHashMap<>();
    /** Opened in the new filesystem, and not in use yet. */
    private final Map<FileDescription, OpenFile> opened = new IdentityHashMap<>();
    private final Map<FileDescription, Inode> openedFrom = new IdentityHashMap<>();
    private Rewalk walk;
    private FileSystemUsers users;
    private final Map<FileDescription, OpenFile> following = new IdentityHashMap<>();
    private final Map<MappedDescription, Mappable> mapped = new IdentityHashMap<>();
    private FileMappingMove mappings;

    private final List<OpenFile> replaced = new ArrayList<>();
    private final List<Stayed> stayed = new ArrayList<>();
    private DentryTree leftover;
    /** What stays with filesystems from before the old one, where that can be asked for. */
    private final List<DentryTree> earlier = new ArrayList<>();
    /** A user less for each mention, when programs run again. */
    private final List<DentryTree> released = new ArrayList<>();

    /**
     * Begins a change; nothing has happened yet.
     *
     * @param mount a mount of the filesystem whose place is taken; all mounts of it change
     * @param next the new filesystem, mounted with {@link dev.caisson.spi.fs.MountRequest#replaced}, of which there is no mount yet
     * @param source what mountinfo is to show
     * @throws FileSystemSwapException when it cannot take the place whatever is used; it stays the caller's to close
     */
    public FileSystemSwap(Mount mount, FileSystem next, String source) throws FileSystemSwapException {
        this.mount = mount;
        this.tree = mount.root().tree();
        this.old = tree.fileSystem();
        this.next = next;
        this.source = source;
        if (next == old) {
            throw new FileSystemSwapException("the filesystem is the present one", null);
        }
        if (next.root().attachment(DentryTree.class, null) != null) {
            throw new FileSystemSwapException("the filesystem is mounted elsewhere already", null);
        }
        checkObstacle();
    }

    private void checkObstacle() throws FileSystemSwapException {
        String obstacle = old.replacementObstacle(next);
        if (obstacle != null) {
            throw new FileSystemSwapException(obstacle, null);
        }
    }

    /**
     * Does ahead what takes time, while programs run: writes changed pages back, finds the files in use and opens them. What fails here is
     * tried again in the plan.
     *
     * @param contexts roots and working directories of the tasks
     * @throws FileSystemSwapException when the new root is another directory, or the old filesystem cannot write back
     */
    public void prepare(Collection<FsContext> contexts) throws FileSystemSwapException {
        publish();
        publishEarlier();
        FileSystemUsers now = users(contexts);
        walk = new Rewalk(next, tree.root(), null, refused, now.written(), now.covered());
        walk.walk(now.dentries());
        checkRoot();
        for (FileDescription description : now.descriptions()) {
            Rewalk.Found found = walk.of(description.location().dentry());
            if (found != null && found.moves() && isOpenedByFileSystem(description)) {
                try {
                    open(description, found.to());
                } catch (ErrnoException e) {
                    continue; // the plan finds out whether it stays
                }
            }
        }
    }

    private void publish() throws FileSystemSwapException {
        try {
            old.publish();
        } catch (ErrnoException e) {
            throw new FileSystemSwapException("changes cannot be written back: " + e.errno().text(), e);
        }
    }

    /** Filesystems that had the place before may fail; what stayed with them goes on to do so then. */
    private void publishEarlier() {
        for (DentryTree each : tree.leftovers()) {
            if (!each.tryRetain()) {
                continue; // it is being closed
            }
            released.add(each);
            try {
                each.fileSystem().publish();
                earlier.add(each);
            } catch (ErrnoException e) {
                log.warn("{}: files that stayed with {} cannot come home: {}", source, each.fileSystem().typeName(), e.errno().text());
            }
        }
    }

    private FileSystemUsers users(Collection<FsContext> contexts) {
        return FileSystemUsers.of(tree, earlier, contexts);
    }

    private void checkRoot() throws FileSystemSwapException {
        Rewalk.Found root = walk.of(tree.root());
        if (!root.moves()) {
            throw new FileSystemSwapException("the root of " + next.typeName() + " on " + source + " is not the directory that is mounted: "
                    + root.reason(), null);
        }
    }

    /**
     * Decides what moves and gets everything ready for it. All tasks are at their safe points from now on.
     *
     * @param contexts roots and working directories of the tasks
     * @param memories address spaces of the tasks
     * @throws FileSystemSwapException when the change is not possible; everything is as it was
     */
    public void plan(Collection<FsContext> contexts, Collection<MemoryManager> memories) throws FileSystemSwapException {
        publish();
        for (DentryTree each : List.copyOf(earlier)) {
            try {
                each.fileSystem().publish();
            } catch (ErrnoException e) {
                earlier.remove(each);
            }
        }
        checkObstacle();
        users = users(contexts);
        Rewalk before = walk;
        for (int i = 0; i < MOST_PLANS; i++) {
            walk = new Rewalk(next, tree.root(), before, refused, users.written(), users.covered());
            walk.walk(users.dentries());
            checkRoot();
            checkMounts();
            if (canOpen() && canMap(memories)) {
                walk.forgetOthers();
                return;
            }
        }
        throw new FileSystemSwapException("too many files cannot be opened on " + next.typeName(), null);
    }

    private void checkMounts() throws FileSystemSwapException {
        for (Mount each : tree.mounts()) {
            if (each.namespace() == null) {
                continue; // only those who are below it still see it
            }
            checkMoves(each, each.root());
            for (Mount child : each.children()) {
                checkMoves(each, child.mountPoint());
            }
        }
    }

    private void checkMoves(Mount on, Dentry dentry) throws FileSystemSwapException {
        Rewalk.Found found = walk.of(dentry);
        if (found == null || !found.moves()) {
            throw new FileSystemSwapException("the mount on " + path(new Location(on, dentry)) + " has no place on " + next.typeName() + ": "
                    + (found == null ? "not looked for" : found.reason()), null);
        }
    }

    // ---- open files

    /** Whether its open file is the filesystem's: not the pipe of a FIFO, a device, or nothing for O_PATH. */
    private static boolean isOpenedByFileSystem(FileDescription description) {
        int type = description.inode().mode() & Stat.S_IFMT;
        return !description.isPath() && (type == Stat.S_IFREG || type == Stat.S_IFDIR);
    }

    private OpenFile open(FileDescription description, Inode to) throws ErrnoException {
        OpenFile known = opened.get(description);
        if (known != null && openedFrom.get(description) == to) {
            return known;
        }
        OpenFile file = to.open(description.flags() & ~OpenFlags.TMPFILE_BIT);
        OpenFile before = opened.put(description, file);
        openedFrom.put(description, to);
        if (before != null) {
            before.close();
        }
        return file;
    }

    /** Opens all that moves; false when one cannot be opened: its file stays, and the plan is made anew. */
    private boolean canOpen() {
        following.clear();
        for (FileDescription description : users.descriptions()) {
            Rewalk.Found found = walk.of(description.location().dentry());
            if (found == null || !found.moves()) {
                continue;
            }
            if (!isOpenedByFileSystem(description)) {
                following.put(description, description.file());
                continue;
            }
            try {
                OpenFile file = open(description, found.to());
                boolean isDirectory = (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR;
                long position = isDirectory ? description.offset() : 0;
                if (position != 0 && !(file instanceof ListedDirectory)) {
                    file = ListedDirectory.resume(description.file(), description.inode(), position, file);
                    opened.put(description, file);
                }
                following.put(description, file);
            } catch (ErrnoException e) {
                refused.put(description.inode(), "it cannot be opened there: " + e.errno().text());
                return false;
            }
        }
        return true;
    }

    /** Plans the mappings; false when a file cannot be mapped there: it stays, and the plan is made anew. */
    private boolean canMap(Collection<MemoryManager> memories) {
        mapped.clear();
        FileDescription[] asked = new FileDescription[1];
        try {
            mappings = new FileMappingMove(memories, file -> pagesOf(file, asked));
            return true;
        } catch (ErrnoException e) {
            refused.put(asked[0].inode(), "it cannot be mapped there: " + e.errno().text());
            return false;
        }
    }

    private Mappable pagesOf(MappedFile file, FileDescription[] asked) throws ErrnoException {
        if (!(file instanceof MappedDescription description) || description.mappable() == null) {
            return null;
        }
        OpenFile to = following.get(description.description());
        if (to == null || to == description.description().file()) {
            return null;
        }
        asked[0] = description.description();
        Mappable pages = to.mappable();
        mapped.put(description, pages);
        return pages;
    }

    // ---- doing it

    /** Does what was planned. It cannot fail. */
    public void commit() {
        mappings.commit();
        settle();
        mapped.forEach(MappedDescription::follow);
        leftover = tree.leaveBehind();
        report();
        for (FileDescription description : users.descriptions()) {
            DentryTree from = description.location().dentry().tree();
            OpenFile file = following.get(description);
            if (file != null) {
                OpenFile before = description.follow(file, walk.of(description.location().dentry()).to());
                if (before != file) {
                    replaced.add(before);
                }
            }
            DentryTree to = count(from, file != null);
            if (to != from) {
                from.open().remove(description);
                to.open().add(description);
            }
            opened.remove(description);
        }
        users.places().forEach(place -> count(place.dentry().tree(), walk.of(place.dentry()).moves()));
        Map<Inode, Inode> moved = new IdentityHashMap<>();
        walk.all().values().stream().filter(Rewalk.Found::moves).forEach(found -> moved.put(found.from(), found.to()));
        tree.moveTo(next);
        walk.all().forEach((dentry, found) -> {
            dentry.children().clear();
            if (found.moves()) {
                dentry.moveTo(tree, found.to(), found.isNamed());
            } else if (dentry.tree() == tree) {
                dentry.stayIn(leftover);
            }
        });
        walk.all().forEach((dentry, found) -> {
            if (found.moves() && !dentry.isRoot() && !dentry.isDeleted()) {
                tree.keep(dentry);
            }
        });
        moved.forEach((from, to) -> to.takeAttachments(from));
        for (Mount each : tree.mounts()) {
            each.source(source);
            MountNamespace namespace = each.namespace();
            if (namespace != null) {
                namespace.mountChanged();
            }
        }
    }

    /** Counts who goes from one tree to another; tells which one that is. */
    private DentryTree count(DentryTree from, boolean moves) {
        if (moves) {
            if (from != tree) {
                released.add(from);
            }
            return tree;
        }
        if (from == tree) {
            leftover.retain();
            return leftover;
        }
        return from;
    }

    /** What programs wrote to mapped pages until now is written back, so that nothing of it comes later, and the new filesystem knows. */
    private void settle() {
        try {
            old.publish();
            for (MappedDescription description : mapped.keySet()) {
                walk.of(description.description().location().dentry()).to().identity();
            }
        } catch (ErrnoException e) {
            log.warn("{}: changed pages may be lost, or the times of mapped files be wrong: {}", source, e.errno().text());
        }
    }

    /** Notes what stays, while its path can still be told. */
    private void report() {
        for (FileDescription description : users.descriptions()) {
            Rewalk.Found found = walk.of(description.location().dentry());
            if (!found.moves()) {
                stayed.add(new Stayed(description, path(description.location()), found.reason()));
            }
        }
        for (Location place : users.places()) {
            Rewalk.Found found = walk.of(place.dentry());
            if (!found.moves()) {
                stayed.add(new Stayed(null, path(place), found.reason()));
            }
        }
    }

    private String path(Location location) {
        return LeftBehind.path(mount, location);
    }

    /** {@return what stayed with the old filesystem, after {@link #commit}} */
    public List<Stayed> stayed() {
        return List.copyOf(stayed);
    }

    /** {@return how many descriptions have another open file, after {@link #commit}} */
    public int movedCount() {
        return replaced.size();
    }

    /** Closes what is not needed any more; programs run again. */
    public void finish() {
        replaced.forEach(OpenFile::close);
        closeUnused();
        leftover.release();
    }

    /** Gives up, before the commit: closes what was opened, and the new filesystem. */
    public void abandon() {
        if (mappings != null) {
            mappings.abandon();
        }
        closeUnused();
        next.close();
    }

    private void closeUnused() {
        opened.values().forEach(OpenFile::close);
        opened.clear();
        released.forEach(DentryTree::release);
        released.clear();
    }
}
