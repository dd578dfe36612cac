package dev.caisson.fs.ninep;

/** Who else may change the server's files while they are mounted. */
public enum CachePolicy {
    /** Nobody: names, attributes and content are asked for once. */
    EXCLUSIVE,
    /** Others: names and attributes are asked for each time, and content that changed is read again. */
    SHARED
}
