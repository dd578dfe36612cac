package dev.caisson.vfs;

import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;

/**
 * The cached names of one directory: a hash table that is read without a lock and without allocation, by a part of a path.
 * A read that races with growth may miss an entry, which the slow path under the directory's lock then finds; it never finds
 * a wrong one. Writers hold the monitor.
 *
 * <p>An entry holds its dentry strongly while the cache wants to keep it, and weakly afterwards, so that a dentry in use is found
 * again whatever was evicted.
 */
final class ChildTable {
    /** One name. */
    static final class Entry {
        final int hash;
        final String name;
        private final byte[] bytes;
        final Dentry directory;
        volatile Entry next;
        volatile Dentry strong;
        volatile WeakReference<Dentry> weak;

        Entry(int hash, String name, Dentry directory) {
            this.hash = hash;
            this.name = name;
            this.bytes = name.getBytes(StandardCharsets.ISO_8859_1);
            this.directory = directory;
        }

        /** Whether this is the entry of a part of a path; a loop, since names are short. */
        boolean is(byte[] path, int start, int length) {
            byte[] own = bytes;
            if (own.length != length) {
                return false;
            }
            for (int i = 0; i < length; i++) {
                if (own[i] != path[start + i]) {
                    return false;
                }
            }
            return true;
        }

        Dentry dentry() {
            Dentry held = strong;
            if (held != null) {
                return held;
            }
            WeakReference<Dentry> reference = weak;
            return reference == null ? null : reference.get();
        }

        void weaken() {
            Dentry held = strong;
            if (held != null) {
                weak = new WeakReference<>(held);
                strong = null;
            }
        }
    }

    private static final Entry[] EMPTY = new Entry[0];

    private volatile Entry[] table = EMPTY;
    private int size;

    /**
     * Hashes a part of a path as {@link String#hashCode} would.
     *
     * @param path characters, a byte each
     * @param start first
     * @param end behind the last
     * @return the hash
     */
    static int hash(byte[] path, int start, int end) {
        int hash = 0;
        for (int i = start; i < end; i++) {
            hash = 31 * hash + (path[i] & 0xff);
        }
        return hash;
    }

    private static int slot(int hash, int length) {
        return hash * 0x9E3779B1 >>> 12 & length - 1;
    }

    /** Finds a name without a lock; null when it is not cached. */
    Dentry find(byte[] path, int start, int end, int hash) {
        Entry[] entries = table;
        if (entries.length == 0) {
            return null;
        }
        for (Entry entry = entries[slot(hash, entries.length)]; entry != null; entry = entry.next) {
            if (entry.hash == hash && entry.is(path, start, end - start)) {
                return entry.dentry();
            }
        }
        return null;
    }

    Dentry find(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.ISO_8859_1);
        return find(bytes, 0, bytes.length, name.hashCode());
    }

    /** Adds a name, replacing what it meant before. */
    synchronized Entry put(Dentry directory, String name, Dentry dentry, boolean hold) {
        int hash = name.hashCode();
        remove(name);
        if (size >= table.length) {
            grow();
        }
        Entry entry = new Entry(hash, name, directory);
        entry.strong = dentry;
        if (!hold) {
            entry.weaken();
        }
        Entry[] entries = table;
        int slot = slot(hash, entries.length);
        entry.next = entries[slot];
        entries[slot] = entry;
        table = entries; // publishes
        size++;
        return entry;
    }

    /** Removes a name. */
    synchronized Entry remove(String name) {
        Entry[] entries = table;
        if (entries.length == 0) {
            return null;
        }
        int hash = name.hashCode();
        int slot = slot(hash, entries.length);
        Entry before = null;
        for (Entry entry = entries[slot]; entry != null; entry = entry.next) {
            if (entry.hash == hash && entry.name.equals(name)) {
                if (before == null) {
                    entries[slot] = entry.next;
                } else {
                    before.next = entry.next;
                }
                table = entries;
                size--;
                entry.weaken(); // the cache's queue still refers to the entry
                return entry;
            }
            before = entry;
        }
        return null;
    }

    /** Forgets all names. */
    synchronized void clear() {
        table = EMPTY;
        size = 0;
    }

    /** {@return whether a child is cached strongly, so that this directory is no leaf of the cache} */
    synchronized boolean holdsAny() {
        for (Entry first : table) {
            for (Entry entry = first; entry != null; entry = entry.next) {
                if (entry.strong != null) {
                    return true;
                }
            }
        }
        return false;
    }

    private void grow() {
        Entry[] old = table;
        Entry[] bigger = new Entry[Math.max(8, old.length * 2)];
        int kept = 0;
        for (Entry first : old) {
            Entry entry = first;
            while (entry != null) {
                Entry next = entry.next;
                if (entry.dentry() != null) {
                    int slot = slot(entry.hash, bigger.length);
                    entry.next = bigger[slot];
                    bigger[slot] = entry;
                    kept++;
                }
                entry = next;
            }
        }
        size = kept;
        table = bigger;
    }
}
