package dev.caisson.spi.lock;

/**
 * Acquire in declaration order, outermost first; skipping is fine, going back is not. Locks that are not listed are leaves:
 * nothing else is acquired under them.
 */
public enum LockRank {
    /** Applying a changed configuration. */
    CONFIGURATION,
    /** The offset of an open file: held while the file reads, writes or lists, which may ask about anything below. */
    FILE_OFFSET,
    /** The process tree: parents, children, process groups, sessions, pid tables. */
    TASK_SET,
    /** Signals, handlers and stop state of one thread group. */
    SIGNAL,
    /** One task's own state. */
    TASK,
    /** One descriptor table. */
    FD_TABLE,
    /** Root, working directory and umask of a task. */
    FS_CONTEXT,
    /** The mount table of a mount namespace. */
    MOUNTS,
    /** Renames across directories of one filesystem. */
    RENAME,
    /** A directory's content, parent before child. */
    DIRECTORY,
    /** A file's content and attributes. */
    INODE,
    /** Record locks and leases of a file. */
    FILE_LOCKS,
    /** The descriptions that an epoll instance watches; an instance that watches another locks itself first. */
    EPOLL_SET,
    /** A pipe, socket, terminal or other object behind a descriptor; two of them by ascending id. */
    OBJECT,
    /** The readiness lists of epoll. */
    EPOLL,
    /** A futex bucket; guest words are read and changed under it. Two buckets by ascending number. */
    FUTEX,
    /** The mappings of one guest address space. */
    MAPPINGS,
    /** The cached pages of one file. */
    PAGE_CACHE,
    /** The platform's mirror of one address space. */
    ADDRESS_SPACE,
    /** The memory file's frames. */
    FRAMES
}
