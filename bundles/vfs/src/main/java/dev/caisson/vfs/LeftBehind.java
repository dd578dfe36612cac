package dev.caisson.vfs;

import dev.caisson.spi.fs.FileSystem;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What stays with filesystems whose place others have taken ({@link FileSystemSwap}). */
public final class LeftBehind {
    private LeftBehind() {}

    /**
     * The filesystems that had the place of a mount before and are open still; those that were being closed have been when this returns.
     *
     * @param mount a mount
     * @return filesystems, each of which may be closed at any time
     */
    public static List<FileSystem> fileSystems(Mount mount) {
        List<FileSystem> all = new ArrayList<>();
        for (DentryTree each : mount.root().tree().leftovers()) {
            if (each.isInUse()) {
                all.add(each.fileSystem());
            }
        }
        return all;
    }

    /**
     * What keeps them open.
     *
     * @param mount a mount
     * @param contexts roots and working directories of the tasks
     * @return the files
     */
    public static List<FileSystemSwap.Stayed> files(Mount mount, Collection<FsContext> contexts) {
        List<FileSystemSwap.Stayed> all = new ArrayList<>();
        for (DentryTree each : mount.root().tree().leftovers()) {
            for (FileDescription description : each.open().all()) {
                all.add(stayed(mount, description, description.location(), each));
            }
            for (FsContext context : contexts) {
                for (Location place : List.of(context.root(), context.workingDirectory())) {
                    if (place.dentry().tree() == each) {
                        all.add(stayed(mount, null, place, each));
                    }
                }
            }
        }
        return all;
    }

    private static FileSystemSwap.Stayed stayed(Mount mount, FileDescription description, Location place, DentryTree tree) {
        return new FileSystemSwap.Stayed(description, path(mount, place), "it stays on " + tree.fileSystem().typeName());
    }

    /** A path from the root of the mount's namespace. */
    static String path(Mount mount, Location location) {
        MountNamespace namespace = mount.namespace();
        return Paths.of(location, namespace == null ? new Location(mount, mount.root()) : namespace.rootLocation());
    }
}
