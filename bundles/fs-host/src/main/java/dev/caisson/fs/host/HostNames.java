package dev.caisson.fs.host;

import java.util.ArrayList;
import java.util.List;

/** The names by which a file was found; the first one is used to reach it. */
final class HostNames {
    /** An entry of a directory. */
    record Name(HostDirectory directory, String text) {
        boolean is(HostDirectory otherDirectory, String otherText) {
            return directory == otherDirectory && text.equals(otherText);
        }
    }

    /** More hard links than this are forgotten; looking one up again brings it back. */
    private static final int KEPT = 16;

    private volatile Name first;
    /** Further hard links. Guarded by this. */
    private List<Name> others = List.of();

    /** {@return a name that leads to the file, or null when none is known} */
    Name first() {
        return first;
    }

    /**
     * The file was found.
     *
     * @param directory where
     * @param text its name there
     * @param onlyOne whether it is the only name (a directory's), or the others may be stale by now
     */
    synchronized void found(HostDirectory directory, String text, boolean onlyOne) {
        Name old = first;
        if (old != null && old.is(directory, text)) {
            return;
        }
        Name found = new Name(directory, text);
        if (old == null || onlyOne) {
            first = found;
        } else {
            addLocked(found);
        }
    }

    private void addLocked(Name name) {
        if (!others.contains(name)) {
            List<Name> more = new ArrayList<>(others);
            if (more.size() >= KEPT) {
                more.removeFirst();
            }
            more.add(name);
            others = more;
        }
    }

    /** The file got one more name. */
    synchronized void linked(HostDirectory directory, String text) {
        if (first == null) {
            first = new Name(directory, text);
        } else {
            addLocked(new Name(directory, text));
        }
    }

    /** A name is gone. */
    synchronized void removed(HostDirectory directory, String text) {
        List<Name> rest = new ArrayList<>(others);
        rest.removeIf(name -> name.is(directory, text));
        if (first != null && first.is(directory, text)) {
            first = rest.isEmpty() ? null : rest.removeFirst();
        }
        others = rest;
    }

    /** A name became another one. */
    synchronized void renamed(HostDirectory from, String oldText, HostDirectory to, String newText) {
        if (first != null && first.is(from, oldText)) {
            first = new Name(to, newText);
        } else {
            linked(to, newText);
            removed(from, oldText);
        }
    }
}
