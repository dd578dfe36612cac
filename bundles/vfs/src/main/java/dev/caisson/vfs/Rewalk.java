package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Finds the files of one filesystem in another one: by name from the root down, and checks that each is the same file. What an earlier walk
 * has found, before the programs stood still, is taken over where neither name nor file have changed since.
 */
final class Rewalk {
    /**
     * What came of one name.
     *
     * @param parent its directory when it was looked for
     * @param name its name then
     * @param from the file in the old filesystem
     * @param to the file in the new one; null when it stays
     * @param reason why it stays
     * @param state of the file in the old filesystem
     * @param changes what {@link Inode#changes} said of it before its state was asked for
     * @param isAgreed whether the new filesystem told the same state
     * @param isNamed whether the new filesystem has the file under this name
     */
    record Found(Dentry parent, String name, Inode from, Inode to, String reason, FileIdentity state, long changes, boolean isAgreed,
            boolean isNamed) {
        boolean moves() {
            return to != null;
        }
    }

    private final FileSystem next;
    private final Dentry root;
    private final Rewalk earlier;
    /** Files that cannot move for a reason that was found later, with the reason. */
    private final Map<Inode, String> refused;
    /** Files that programs here have open for writing: when they were written last is nobody else's doing. */
    private final Set<Inode> written;
    /** Mount points that nobody sees: what is below the mount may be another directory. */
    private final Set<Dentry> covered;
    private final Map<Dentry, Found> found = new IdentityHashMap<>();
    private final Map<Inode, Inode> targets = new IdentityHashMap<>();
    private final Map<Inode, Inode> sources = new IdentityHashMap<>();

    /**
     * Prepares a walk.
     *
     * @param next where to look
     * @param root the root in the old filesystem
     * @param earlier a walk before, or null: then programs run, and a file that is being changed counts as the same
     * @param refused files that stay whatever is found
     * @param written files that are open for writing
     * @param covered mount points that are used for nothing else
     */
    Rewalk(FileSystem next, Dentry root, Rewalk earlier, Map<Inode, String> refused, Set<Inode> written, Set<Dentry> covered) {
        this.covered = covered;
        this.written = written;
        this.next = next;
        this.root = root;
        this.earlier = earlier;
        this.refused = refused;
    }

    /**
     * Looks for all names and those above them.
     *
     * @param dentries those of the tree before those of its leftovers: whose name it is now counts more than whose it was
     */
    void walk(Collection<Dentry> dentries) {
        dentries.forEach(this::find);
        // A name that is gone says nothing, but the file may have been found by another one, or need no name.
        for (Map.Entry<Dentry, Found> entry : found.entrySet()) {
            Found each = entry.getValue();
            if (!each.moves() && each.from() != null && !refused.containsKey(each.from())) {
                Inode known = targets.get(each.from());
                Inode to = known != null ? known : isWithoutName(entry.getKey()) ? adopted(each.from()) : null;
                if (to != null) {
                    entry.setValue(new Found(each.parent(), each.name(), each.from(), to, null, each.state(), -1, true, false));
                }
            }
        }
    }

    private static boolean isWithoutName(Dentry dentry) {
        return dentry.isDeleted() && !dentry.isLeftBehind() || dentry.isRoot();
    }

    /** A file without a name in a filesystem that shares the storage of the new one. */
    private Inode adopted(Inode from) {
        Inode to = next.adopt(from);
        return to != null && match(from, to) ? to : null;
    }

    /** What only the earlier walk has found is not in use any more, and may have been changed since: nothing of it is to be remembered. */
    void forgetOthers() {
        if (earlier == null) {
            return;
        }
        Set<Inode> kept = Collections.newSetFromMap(new IdentityHashMap<>());
        found.values().forEach(each -> kept.add(each.to()));
        for (Found each : earlier.found.values()) {
            if (each.moves() && !kept.contains(each.to())) {
                each.to().forget();
            }
        }
    }

    /** {@return what came of a name that was looked for} */
    Found of(Dentry dentry) {
        return found.get(dentry);
    }

    /** {@return all names that were looked for} */
    Map<Dentry, Found> all() {
        return found;
    }

    private Found find(Dentry dentry) {
        Found known = found.get(dentry);
        if (known == null) {
            known = look(dentry);
            found.put(dentry, known);
        }
        return known;
    }

    /** A name as it was read once: while programs run, the file may get another one at any time. */
    private record Name(Dentry dentry, Dentry parent, String text, Inode from) {
        static Name of(Dentry dentry) {
            return new Name(dentry, dentry.parent(), dentry.name(), dentry.inode());
        }
    }

    private Found look(Dentry dentry) {
        Name name = Name.of(dentry);
        Found above = dentry == root || dentry.isRoot() ? null : find(name.parent);
        if (name.from == null) {
            return stays(name, "there is no file");
        }
        if (refused.containsKey(name.from)) {
            return stays(name, refused.get(name.from));
        }
        if (above == null && dentry != root) {
            return stays(name, "it has no name");
        }
        if (dentry.isDeleted() && !dentry.isLeftBehind()) {
            return stays(name, "its name is gone");
        }
        if (above != null && !above.moves()) {
            return stays(name, "its directory stays");
        }
        try {
            return compare(name, above);
        } catch (ErrnoException e) {
            return stays(name, "it cannot be asked for: " + e.errno().text());
        }
    }

    private Found compare(Name name, Found above) throws ErrnoException {
        Dentry dentry = name.dentry;
        Inode from = name.from;
        Found before = earlier == null ? null : earlier.of(dentry);
        boolean isKnown = before != null && before.moves() && before.from() == from && before.parent() == name.parent
                && before.name().equals(name.text) && (above == null || earlier.of(name.parent).to() == above.to());
        if (isKnown && before.isAgreed() && before.changes() >= 0 && before.changes() == from.changes()) {
            return moves(name, before.to(), before.state(), before.changes(), true);
        }
        long changes = from.changes();
        FileIdentity state = from.identity();
        if (state == null) {
            return stays(name, "its filesystem does not tell which file it is");
        }
        Inode to;
        if (isKnown) {
            to = before.to();
            if (before.isAgreed() && before.state().equals(state)) {
                return moves(name, to, state, changes, true);
            }
        } else {
            if (before != null && before.moves() && dentry != root) {
                before.to().forget(); // it knows itself by a name that is another file's now
            }
            to = above == null ? next.root() : above.to().lookup(name.text);
        }
        if (to == null) {
            return stays(name, "no file has its name there");
        }
        FileIdentity there = to.identity();
        if (there != null && state.type() == there.type() && covered.contains(dentry)) {
            return moves(name, to, state, changes, false);
        }
        if (!state.isSameFile(there)) {
            return stays(name, there == null ? "the other filesystem does not tell which file it is" : "another file has its name there");
        }
        boolean isAgreed = state.isSameState(there);
        if (!isAgreed && earlier != null && !(written.contains(from) && state.sizeBytes() == there.sizeBytes())) {
            return stays(name, "it was changed meanwhile");
        }
        return moves(name, to, state, changes, isAgreed);
    }

    private Found moves(Name name, Inode to, FileIdentity state, long changes, boolean isAgreed) {
        if (!match(name.from, to)) {
            return stays(name, "its names lead to different files");
        }
        return new Found(name.parent, name.text, name.from, to, null, state, changes, isAgreed, true);
    }

    /** Notes that a file becomes another one, unless either goes together with a third one already. */
    private boolean match(Inode from, Inode to) {
        Inode other = targets.get(from);
        Inode source = sources.get(to);
        if (other != null && other != to || source != null && source != from) {
            return false;
        }
        targets.put(from, to);
        sources.put(to, from);
        return true;
    }

    private static Found stays(Name name, String reason) {
        return new Found(name.parent, name.text, name.from, null, reason, null, -1, false, false);
    }
}
