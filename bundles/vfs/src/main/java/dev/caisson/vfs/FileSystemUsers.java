package dev.caisson.vfs;

import dev.caisson.spi.fs.Inode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * What programs use of a filesystem, and of those whose place it took.
 *
 * @param descriptions open files
 * @param places roots and working directories, as often as they are used
 * @param dentries the names of all that, and of what hangs on files; those of the filesystem itself first
 * @param written files that are open for writing
 * @param covered mount points that are used for nothing else
 */
record FileSystemUsers(List<FileDescription> descriptions, List<Location> places, List<Dentry> dentries, Set<Inode> written,
        Set<Dentry> covered) {
    /**
     * Looks who there is.
     *
     * @param tree the filesystem
     * @param earlier what stayed with those before, as far as it counts
     * @param contexts roots and working directories of the tasks
     */
    static FileSystemUsers of(DentryTree tree, List<DentryTree> earlier, Collection<FsContext> contexts) {
        List<FileDescription> descriptions = tree.open().all();
        earlier.forEach(each -> descriptions.addAll(each.open().all()));
        Set<FsContext> everybody = Collections.newSetFromMap(new IdentityHashMap<>());
        everybody.addAll(contexts);
        Set<Dentry> dentries = Collections.newSetFromMap(new IdentityHashMap<>());
        dentries.add(tree.root());
        Set<Dentry> covered = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Mount each : tree.mounts()) {
            dentries.add(each.root());
            each.children().forEach(child -> covered.add(child.mountPoint()));
            MountNamespace namespace = each.namespace();
            if (namespace != null) {
                everybody.addAll(namespace.contexts());
            }
        }
        List<Location> places = new ArrayList<>();
        for (FsContext context : everybody) {
            for (Location place : List.of(context.root(), context.workingDirectory())) {
                if (isOf(tree, earlier, place.dentry())) {
                    places.add(place);
                    dentries.add(place.dentry());
                }
            }
        }
        Set<Inode> written = Collections.newSetFromMap(new IdentityHashMap<>());
        for (FileDescription description : descriptions) {
            dentries.add(description.location().dentry());
            if (description.isWritable()) {
                written.add(description.inode());
            }
        }
        dentries.addAll(tree.pinned());
        covered.removeAll(dentries);
        dentries.addAll(covered);
        List<Dentry> ordered = new ArrayList<>(dentries);
        ordered.removeIf(dentry -> dentry == null || !isOf(tree, earlier, dentry));
        ordered.sort(Comparator.comparing(dentry -> dentry.tree() != tree));
        return new FileSystemUsers(descriptions, places, ordered, written, covered);
    }

    private static boolean isOf(DentryTree tree, List<DentryTree> earlier, Dentry dentry) {
        return dentry.tree() == tree || earlier.contains(dentry.tree());
    }
}
