package dev.caisson.fs.ninep;

import java.util.Arrays;

/** The names by which a file was found; the first one is used to reach it. Changes are guarded by this. */
final class EntryNames {
    /** An entry of a directory. */
    record Entry(NinepDirectory directory, String name) {}

    /** More hard links than this are forgotten; looking one up again brings it back. */
    private static final int MOST = 16;
    private static final Entry[] NONE = {};

    private volatile Entry[] entries = NONE;

    /** {@return an entry that leads to the file, or null when none is known} */
    Entry first() {
        Entry[] all = entries;
        return all.length == 0 ? null : all[0];
    }

    private int find(NinepDirectory directory, String name) {
        Entry[] all = entries;
        for (int i = 0; i < all.length; i++) {
            if (all[i].directory == directory && all[i].name.equals(name)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * The file was found.
     *
     * @param onlyOne whether it has no other name
     */
    synchronized void found(NinepDirectory directory, String name, boolean onlyOne) {
        int at = find(directory, name);
        int count = entries.length;
        if (at == 0 && (!onlyOne || count == 1)) {
            return;
        }
        Entry entry = new Entry(directory, name);
        if (onlyOne || count == 0) {
            entries = new Entry[] {entry};
            return;
        }
        Entry[] next = new Entry[Math.min(MOST, at < 0 ? count + 1 : count)];
        next[0] = entry; // the newest name is the surest
        for (int from = 0, to = 1; to < next.length; from++) {
            if (from != at) {
                next[to++] = entries[from];
            }
        }
        entries = next;
    }

    /** {@return whether there is more than one} */
    boolean hasMore() {
        return entries.length > 1;
    }

    /** A name does not lead here, whatever was thought. */
    synchronized void wrong(Entry entry) {
        removed(entry.directory, entry.name);
    }

    /** The file got one more name. */
    synchronized void linked(NinepDirectory directory, String name) {
        found(directory, name, false);
    }

    /** A name is gone. */
    synchronized void removed(NinepDirectory directory, String name) {
        int at = find(directory, name);
        if (at >= 0) {
            Entry[] fewer = new Entry[entries.length - 1];
            System.arraycopy(entries, 0, fewer, 0, at);
            System.arraycopy(entries, at + 1, fewer, at, fewer.length - at);
            entries = fewer;
        }
    }

    /** A name became another one. */
    synchronized void renamed(NinepDirectory from, String oldName, NinepDirectory to, String newName) {
        removed(from, oldName);
        found(to, newName, false);
    }
}
