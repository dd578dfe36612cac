package dev.caisson.fs.host;

/** Who may change the host's files while they are mounted. */
public enum CacheMode {
    /** Only this sandbox: names and attributes are kept, and asked for once. */
    EXCLUSIVE,
    /** Others too: names and attributes are asked for each time. */
    SHARED
}
