package dev.caisson.testing.fs;

/** What a filesystem may lack; tests that need it are skipped. */
public enum Feature {
    /** Character and block device nodes. */
    DEVICE_NODES,
    /** FIFOs. */
    FIFOS,
    /** Hard links. */
    HARD_LINKS,
    /** Owners other than the one who runs the tests. */
    CHOWN,
    /** Extended attributes in the user namespace. */
    USER_XATTRS,
    /** Extended attributes in the trusted namespace. */
    TRUSTED_XATTRS,
    /** O_TMPFILE. */
    UNNAMED_FILES,
    /** RENAME_EXCHANGE. */
    EXCHANGE,
    /** RENAME_WHITEOUT. */
    WHITEOUT,
    /** SEEK_DATA and SEEK_HOLE that know holes. */
    HOLES,
    /** fallocate(2) with FALLOC_FL_PUNCH_HOLE. */
    PUNCH_HOLE,
    /** Link counts of directories that count subdirectories. */
    DIRECTORY_LINKS,
    /** Names of any bytes but slash and NUL. */
    ANY_NAMES
}
