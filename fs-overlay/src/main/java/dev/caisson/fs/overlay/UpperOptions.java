package dev.caisson.fs.overlay;

/**
 * What an upper layer is mounted with.
 *
 * @param directory on the host; null for one in memory
 * @param work the work directory beside it, or null
 * @param size what it may take, as it was written, or null
 * @param inodes how many files it may have, as it was written, or null
 */
record UpperOptions(String directory, String work, String size, String inodes) {
    static final UpperOptions MEMORY = new UpperOptions(null, null, null, null);
}
