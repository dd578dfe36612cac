package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EXDEV;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LookAhead;
import dev.caisson.spi.fs.MagicLink;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One resolution of a path, path_resolution(7) and openat2(2). A walker serves one path and is thrown away. Over cached dentries it
 * takes no lock and makes no strings; it goes over the path's bytes, which costs far less than over characters of a string before the
 * compiler has seen the walk.
 *
 * <p>{@link #walk} goes to the end. {@link #walkToParent} stops at the directory that holds the last component, which is then described by
 * {@link #lastType}, {@link #last} and {@link #hasTrailingSlash}.
 */
public final class PathWalker {
    /** Longest path, with its NUL. */
    public static final int PATH_MAX = 4096;
    /** Most names that are asked for at once. */
    private static final int MOST_AHEAD = 16;
    /** Longest component. */
    public static final int NAME_MAX = 255;
    /** Most symbolic links in one resolution. */
    private static final int MAX_LINKS = 40;

    /** Flag of {@link #walk}: a symbolic link at the end is followed. */
    public static final int FOLLOW = 1;
    /** Flag of {@link #walk}: the result must be a directory. */
    public static final int DIRECTORY = 2;
    /** Flag of {@link #walk}: an empty path means the start. */
    public static final int EMPTY = 4;

    /** What the last component is. */
    public enum Last {
        /** A name. */
        NORMAL,
        /** "." */
        DOT,
        /** ".." */
        DOT_DOT,
        /** There is none: the path consists of slashes, or ended in a magic link. */
        ROOT
    }

    /** With these no path leads out of the directory where it starts. */
    private static final int SCOPED = Fcntl.RESOLVE_BENEATH | Fcntl.RESOLVE_IN_ROOT;
    /** Whether symbolic links in sticky, world-writable directories are followed only for their owners (proc/sys/fs). */
    private static final boolean PROTECTED_SYMLINKS = true;

    private final Credentials credentials;
    private final Location start;
    private Location root;
    private dev.caisson.vfs.Mount mount;
    private Dentry dentry;
    /** One byte per character. */
    private byte[] path;
    private int position;
    private int links;
    private final int resolve;
    /** {@link TreeChanges#stamp} of the beginning, for a walk that must not leave a directory. */
    private int stamp;

    private int lastStart;
    private int lastEnd;
    private int lastHash;
    private Last lastType;
    private boolean trailingSlash;
    /** Answers to the lookups to come, or null. */
    private LookAhead ahead;
    /** Whether the filesystem was just asked for what the walk has led to. */
    private boolean wasLookedUp;

    /**
     * Prepares a resolution.
     *
     * @param fs root and working directory
     * @param credentials who needs search permission
     * @param start where a relative path starts; null for the working directory
     * @param path the path
     * @param resolve {@code RESOLVE_*}
     */
    public PathWalker(FsContext fs, Credentials credentials, Location start, String path, int resolve) {
        this.credentials = credentials;
        this.root = fs.root();
        this.start = start == null ? fs.workingDirectory() : start;
        this.path = path.getBytes(StandardCharsets.ISO_8859_1);
        this.resolve = resolve;
        this.mount = this.start.mount();
        this.dentry = this.start.dentry();
    }

    /** {@return where the walk is} */
    public Location location() {
        return mount == start.mount() && dentry == start.dentry() ? start : new Location(mount, dentry);
    }

    /** {@return the mount where the walk is} */
    public dev.caisson.vfs.Mount mount() {
        return mount;
    }

    /** {@return the dentry where the walk is; after {@link #walkToParent} a directory} */
    public Dentry dentry() {
        return dentry;
    }

    /** {@return what the last component is, after {@link #walkToParent}} */
    public Last lastType() {
        return lastType;
    }

    /** {@return the last component, after {@link #walkToParent}} */
    public String last() {
        return text(path, lastStart, lastEnd);
    }

    /** {@return whether slashes follow the last component} */
    public boolean hasTrailingSlash() {
        return trailingSlash;
    }

    /**
     * Resolves the whole path.
     *
     * @param flags {@link #FOLLOW}, {@link #DIRECTORY}, {@link #EMPTY}
     * @return the place
     * @throws ErrnoException ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV, EAGAIN, EIO
     */
    public Location walk(int flags) throws ErrnoException {
        begin((flags & EMPTY) != 0);
        if (path.length == 0) {
            return checkDirectory(flags);
        }
        while (true) {
            parentOfRest();
            switch (lastType) {
                case ROOT, DOT -> {}
                case DOT_DOT -> up();
                case NORMAL -> {
                    Dentry child = lookupLast();
                    if (!stepTo(child, (flags & FOLLOW) != 0 || trailingSlash, lastEnd, true)) {
                        continue;
                    }
                    wasLookedUp = dentry == child && !child.tree().caching();
                }
            }
            return checkDirectory(trailingSlash ? flags | DIRECTORY : flags);
        }
    }

    /**
     * What stat(2) tells of where {@link #walk} has just led.
     *
     * @return a snapshot
     * @throws ErrnoException EIO, ESTALE
     */
    Attributes attributes() throws ErrnoException {
        Inode inode = dentry.inode();
        return wasLookedUp ? inode.attributesOfLookup() : inode.attributes();
    }

    private Location checkDirectory(int flags) throws ErrnoException {
        if (dentry.inode() == null) {
            throw ENOENT.error();
        }
        if ((flags & DIRECTORY) != 0 && !dentry.isDirectory()) {
            throw ENOTDIR.error();
        }
        return location();
    }

    /**
     * Resolves all but the last component. {@link #dentry} is then a directory with search permission, unless the last type is ROOT.
     *
     * @throws ErrnoException as {@link #walk}
     */
    public void walkToParent() throws ErrnoException {
        begin(false);
        parentOfRest();
    }

    private void begin(boolean emptyAllowed) throws ErrnoException {
        if (path.length == 0 && !emptyAllowed) {
            throw ENOENT.error();
        }
        if (path.length >= PATH_MAX) {
            throw ENAMETOOLONG.error();
        }
        if ((resolve & SCOPED) != 0) {
            stamp = TreeChanges.stamp();
        }
        if ((resolve & Fcntl.RESOLVE_IN_ROOT) != 0) {
            root = start;
        }
        if (path.length != 0 && path[0] == '/') {
            jumpToRoot();
        }
    }

    private void jumpToRoot() throws ErrnoException {
        if ((resolve & Fcntl.RESOLVE_BENEATH) != 0) {
            throw EXDEV.error();
        }
        if ((resolve & Fcntl.RESOLVE_NO_XDEV) != 0 && mount != root.mount()) {
            throw EXDEV.error();
        }
        mount = root.mount();
        dentry = root.dentry();
    }

    /** Goes on from {@code position} to the directory of the last component. */
    private void parentOfRest() throws ErrnoException {
        while (true) {
            byte[] text = path;
            int length = text.length;
            int at = position;
            while (at < length && text[at] == '/') {
                at++;
            }
            if (at == length) {
                lastType = Last.ROOT;
                lastStart = at;
                lastEnd = at;
                trailingSlash = at > position;
                return;
            }
            Inode directory = dentry.inode();
            if (directory == null) {
                throw ENOENT.error();
            }
            if ((directory.mode() & Stat.S_IFMT) != Stat.S_IFDIR) {
                throw ENOTDIR.error();
            }
            directory.checkAccess(Fcntl.X_OK, credentials);
            int first = at;
            int hash = 0;
            byte c;
            while (at < length && (c = text[at]) != '/') {
                hash = 31 * hash + (c & 0xff);
                at++;
            }
            int end = at;
            while (at < length && text[at] == '/') {
                at++;
            }
            Last type = classify(text, first, end);
            if (at == length) {
                lastType = type;
                lastStart = first;
                lastEnd = end;
                lastHash = hash;
                trailingSlash = at > end;
                return;
            }
            position = at;
            if (type == Last.DOT_DOT) {
                up();
            } else if (type == Last.NORMAL) {
                stepTo(lookup(first, end, hash), true, end, false);
            }
        }
    }

    private static Last classify(byte[] path, int start, int end) {
        if (path[start] == '.') {
            if (end - start == 1) {
                return Last.DOT;
            }
            if (end - start == 2 && path[start + 1] == '.') {
                return Last.DOT_DOT;
            }
        }
        return Last.NORMAL;
    }

    /**
     * The dentry of the last component, possibly negative, without following anything.
     *
     * @return the dentry below {@link #dentry}
     * @throws ErrnoException ENAMETOOLONG, EIO
     */
    Dentry lookupLast() throws ErrnoException {
        return lookup(lastStart, lastEnd, lastHash);
    }

    private static String text(byte[] path, int start, int end) {
        return new String(path, start, end - start, StandardCharsets.ISO_8859_1);
    }

    private Dentry lookup(int first, int end, int hash) throws ErrnoException {
        Dentry directory = dentry;
        DentryTree tree = directory.tree();
        if (tree.caching()) {
            Dentry child = directory.children().find(path, first, end, hash);
            if (child != null) {
                if (!child.touched) {
                    child.touched = true;
                }
                return child;
            }
            if ((resolve & Fcntl.RESOLVE_CACHED) != 0) {
                throw EAGAIN.error();
            }
        }
        if (end - first > NAME_MAX) {
            throw ENAMETOOLONG.error();
        }
        if (!tree.caching() && tree.fileSystem().looksAhead()) {
            if (ahead == null) {
                List<String> names = namesFrom(first);
                ahead = names.size() < 2 ? null : directory.inode().lookAhead(names);
            }
            if (ahead != null) {
                return Lookup.child(directory, text(path, first, end), ahead);
            }
        }
        return Lookup.child(directory, text(path, first, end));
    }

    /** The names from here on that lead down. */
    private List<String> namesFrom(int first) {
        List<String> names = new ArrayList<>();
        int start = first;
        while (start < path.length && names.size() < MOST_AHEAD) {
            int end = start;
            while (end < path.length && path[end] != '/') {
                end++;
            }
            if (end - start > NAME_MAX || classify(path, start, end) != Last.NORMAL) {
                break;
            }
            names.add(text(path, start, end));
            start = end;
            while (start < path.length && path[start] == '/') {
                start++;
            }
        }
        return names;
    }

    /**
     * Goes to a child: through mounts, and through a symbolic link when asked.
     *
     * @return false when a link was replaced by its target and the rest of the path must be walked again
     */
    boolean stepTo(Dentry child, boolean follow, int rest, boolean last) throws ErrnoException {
        Inode file = child.inode();
        if (file == null) {
            throw ENOENT.error();
        }
        if (follow && (file.mode() & Stat.S_IFMT) == Stat.S_IFLNK) {
            followLink(child, file, rest, last);
            return false;
        }
        dentry = child;
        if (child.isMountPoint()) {
            down();
        }
        return true;
    }

    /** Crosses to what is mounted here. */
    private void down() throws ErrnoException {
        ahead = null;
        while (dentry.isMountPoint()) {
            dev.caisson.vfs.Mount over = mount.on(dentry);
            if (over == null) {
                return;
            }
            if ((resolve & Fcntl.RESOLVE_NO_XDEV) != 0) {
                throw EXDEV.error();
            }
            over.used();
            mount = over;
            dentry = over.root();
        }
    }

    /**
     * "..": stays at the root, leaves a mount at its root.
     *
     * @throws ErrnoException EXDEV; EAGAIN: a scoped walk cannot tell any more where it is; ENOENT: the directory was moved to where its
     *         mount does not reach
     */
    private void up() throws ErrnoException {
        goUp();
        if ((resolve & SCOPED) != 0 && TreeChanges.hasHappenedSince(stamp)) {
            throw EAGAIN.error("the tree has changed");
        }
    }

    private void goUp() throws ErrnoException {
        ahead = null;
        if (mount == root.mount() && dentry == root.dentry()) {
            if ((resolve & Fcntl.RESOLVE_BENEATH) != 0) {
                throw EXDEV.error();
            }
            return;
        }
        if ((resolve & Fcntl.RESOLVE_BENEATH) != 0 && mount == start.mount() && dentry == start.dentry()) {
            throw EXDEV.error();
        }
        while (dentry == mount.root()) {
            dev.caisson.vfs.Mount above = mount.parent();
            Dentry covered = mount.mountPoint();
            if (above == null || covered == null) {
                return; // the root of the namespace, or detached
            }
            if ((resolve & Fcntl.RESOLVE_NO_XDEV) != 0) {
                throw EXDEV.error();
            }
            mount = above;
            dentry = covered;
            if (mount == root.mount() && dentry == root.dentry()) {
                return;
            }
        }
        Dentry above = dentry.parent();
        if (!mount.root().isRoot() && !reaches(mount, above)) {
            throw ENOENT.error("moved out of the mount");
        }
        dentry = above;
        if (above.isMountPoint()) {
            down();
        }
    }

    /** path_connected of Linux: a mount of a part of a filesystem shows nothing else of it. */
    private static boolean reaches(dev.caisson.vfs.Mount mount, Dentry place) {
        while (true) {
            int before = TreeChanges.stamp();
            boolean reached = mount.root().isAncestorOf(place);
            if (!TreeChanges.hasHappenedSince(before)) {
                return reached;
            }
            Thread.onSpinWait(); // a rename is a few assignments
        }
    }

    private void followLink(Dentry link, Inode file, int rest, boolean last) throws ErrnoException {
        ahead = null;
        if (++links > MAX_LINKS || (resolve & Fcntl.RESOLVE_NO_SYMLINKS) != 0 || mount.has(Mount.MS_NOSYMFOLLOW)) {
            throw ELOOP.error();
        }
        if (last && PROTECTED_SYMLINKS) {
            checkProtected(file);
        }
        if (!mount.isReadOnly() && !mount.has(Mount.MS_NOATIME)) {
            file.accessed(!mount.has(Mount.MS_STRICTATIME));
        }
        if (file.isMagicLink()) {
            if ((resolve & Fcntl.RESOLVE_NO_MAGICLINKS) != 0) {
                throw ELOOP.error();
            }
            Location target = (Location) ((MagicLink) file).follow(credentials);
            if ((resolve & SCOPED) != 0 || (resolve & Fcntl.RESOLVE_NO_XDEV) != 0 && target.mount() != mount) {
                throw EXDEV.error();
            }
            mount = target.mount();
            dentry = target.dentry();
            path = Arrays.copyOfRange(path, rest, path.length);
            position = 0;
            return;
        }
        String target = file.readLink();
        if (target.isEmpty()) {
            throw ENOENT.error();
        }
        byte[] head = target.getBytes(StandardCharsets.ISO_8859_1);
        int restLength = path.length - rest;
        byte[] next = Arrays.copyOf(head, head.length + restLength);
        System.arraycopy(path, rest, next, head.length, restLength);
        path = next;
        position = 0;
        if (target.charAt(0) == '/') {
            jumpToRoot();
        }
    }

    /** may_follow_link of Linux: /proc/sys/fs/protected_symlinks. */
    private void checkProtected(Inode link) throws ErrnoException {
        Inode directory = dentry.inode();
        int uid = link.uid();
        if (uid == credentials.fsuid() || (directory.mode() & (Stat.S_ISVTX | Stat.S_IWOTH)) != (Stat.S_ISVTX | Stat.S_IWOTH)
                || directory.uid() == uid) {
            return;
        }
        throw EACCES.error("symbolic link in a sticky directory");
    }

    /**
     * Replaces a symbolic link at the end by its target, for open(2): the walker then stands at the parent of the target's last component.
     *
     * @param link a symbolic link that was found as the last component
     * @throws ErrnoException as {@link #walk}
     */
    void followLast(Dentry link) throws ErrnoException {
        followLink(link, link.inode(), lastEnd, true);
        parentOfRest();
    }

    /** The place of the last component, which is no link to follow: crosses mounts, handles "." and "..". */
    Location finishAt(Dentry child) throws ErrnoException {
        switch (lastType) {
            case DOT_DOT -> up();
            case NORMAL -> stepTo(child, false, lastEnd, true);
            default -> {}
        }
        return location();
    }
}
