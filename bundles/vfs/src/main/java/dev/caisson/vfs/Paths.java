package dev.caisson.vfs;

import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;

/** Names of places: getcwd(2), the links of /proc, and the tables of mounts. */
public final class Paths {
    private Paths() {}

    /**
     * The path of a place as the links of /proc show it.
     *
     * @param location the place
     * @param root root directory of who asks
     * @return the path; with " (deleted)" behind when the name is gone, without the part above {@code root} that cannot be reached
     */
    public static String of(Location location, Location root) {
        if (location.inode() instanceof AnonymousFiles.Node node) {
            return node.displayName();
        }
        Dentry dentry = location.dentry();
        if (dentry.isRoot() && !dentry.name().isEmpty()) {
            return dentry.name(); // a file without directory tells its whole name
        }
        StringBuilder path = new StringBuilder();
        prepend(location, root, path);
        if (path.isEmpty()) {
            path.append('/');
        }
        if (dentry.isDeleted()) {
            path.append(" (deleted)");
        }
        return path.toString();
    }

    /**
     * The path of the working directory, getcwd(2).
     *
     * @param location working directory
     * @param root root directory
     * @return the path, or "(unreachable)" and the path from the root of its mount
     * @throws ErrnoException ENOENT when the directory was removed
     */
    public static String workingDirectory(Location location, Location root) throws ErrnoException {
        if (location.dentry().isDeleted()) {
            throw ENOENT.error();
        }
        StringBuilder path = new StringBuilder();
        boolean reached = prepend(location, root, path);
        if (path.isEmpty()) {
            path.append('/');
        }
        return reached ? path.toString() : "(unreachable)" + path;
    }

    /** Writes the path from the root; tells whether the root was met. */
    private static boolean prepend(Location location, Location root, StringBuilder path) {
        List<String> names = new ArrayList<>();
        boolean reached = collect(location, root, names);
        for (int i = names.size() - 1; i >= 0; i--) {
            path.append('/').append(names.get(i));
        }
        return reached;
    }

    private static boolean collect(Location location, Location root, List<String> names) {
        Mount mount = location.mount();
        Dentry dentry = location.dentry();
        while (true) {
            if (mount == root.mount() && dentry == root.dentry()) {
                return true;
            }
            if (dentry == mount.root() || dentry.isRoot()) {
                Mount up = mount.parent();
                Dentry point = mount.mountPoint();
                if (up == null || point == null) {
                    return false;
                }
                mount = up;
                dentry = point;
                continue;
            }
            names.add(dentry.name());
            dentry = dentry.parent();
        }
    }

    /** {@return mounts at or below the root of a task, in the order of mountinfo} */
    static List<Mount> visibleMounts(FsContext fs) {
        List<Mount> visible = new ArrayList<>();
        for (Mount mount : fs.namespace().mounts()) {
            if (MountNamespace.isReachable(new Location(mount, mount.root()), fs.root())) {
                visible.add(mount);
            }
        }
        return visible;
    }

    /**
     * Where a mount is, seen from a root directory.
     *
     * @param mount the mount
     * @param root the root directory
     * @return the path of its mount point
     */
    public static String mountPoint(Mount mount, Location root) {
        return of(new Location(mount, mount.root()), root);
    }

    /**
     * What part of its filesystem a mount shows.
     *
     * @param mount the mount
     * @return the path of its root within the filesystem
     */
    public static String rootWithin(Mount mount) {
        StringBuilder path = new StringBuilder();
        for (Dentry d = mount.root(); !d.isRoot(); d = d.parent()) {
            path.insert(0, d.name()).insert(0, '/');
        }
        return path.isEmpty() ? "/" : path.toString();
    }
}
