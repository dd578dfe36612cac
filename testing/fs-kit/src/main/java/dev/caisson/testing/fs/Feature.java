package dev.caisson.testing.fs;

/** What a filesystem may lack; tests that need it are skipped. */
public enum Feature {
    /** Sockets that are still there when {@linkplain FileSystemContractTest#aged everything is old}. */
    LASTING_SOCKETS,
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
    /** fallocate(2) with FALLOC_FL_ZERO_RANGE. */
    ZERO_RANGE,
    /** fallocate(2) with FALLOC_FL_COLLAPSE_RANGE and FALLOC_FL_INSERT_RANGE. */
    MOVE_RANGES,
    /** fallocate(2) at all. */
    ALLOCATE,
    /** Extended attributes in the security namespace. */
    SECURITY_XATTRS,
    /** POSIX access control lists, as system.posix_acl_access and system.posix_acl_default. */
    POSIX_ACLS,
    /** Access times that follow reads. */
    ACCESS_TIMES,
    /** Files that have lost their last name can still be changed through descriptors, not just read and written. */
    UNLINKED_FILES,
    /** Link counts of directories that count subdirectories. */
    DIRECTORY_LINKS,
    /** open(2) opens the file that was found, or the one that replaces it at the same moment, and never fails for that. */
    ATOMIC_OPEN,
    /** Names of any bytes but slash and NUL. */
    ANY_NAMES
}
