package dev.caisson.vfs;

import dev.caisson.spi.fs.Inode;

/** Takes file events for inotify(7). Attached with {@link Watches#attach}; until then events cost one field read. */
@FunctionalInterface
public interface WatchHub {
    /**
     * Something happened to a file. Called without ranked locks of the VFS, or under a DIRECTORY lock; must not block.
     *
     * @param inode the watched object: the file itself, or the directory that holds the name
     * @param name the name in the directory, or null when the event is about {@code inode} itself
     * @param mask {@code IN_*}, with IN_ISDIR when the subject is a directory
     * @param cookie joins IN_MOVED_FROM and IN_MOVED_TO; else 0
     */
    void onEvent(Inode inode, String name, int mask, int cookie);
}
