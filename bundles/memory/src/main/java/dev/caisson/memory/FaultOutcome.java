package dev.caisson.memory;

/** What became of a page fault. */
public enum FaultOutcome {
    /** The guest can go on and try again. */
    RESOLVED,
    /** SIGSEGV with SEGV_MAPERR: nothing is mapped there. */
    SEGV_MAPERR,
    /** SIGSEGV with SEGV_ACCERR: the mapping does not allow it. */
    SEGV_ACCERR,
    /** SIGBUS with BUS_ADRERR: beyond the end of a file, or the file could not be read. */
    BUS_ADRERR,
    /** No frame is left; the kernel must kill somebody. */
    OUT_OF_MEMORY
}
