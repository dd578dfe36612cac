package dev.caisson.spi.platform;

/** What an instruction wanted of an address. */
public enum AccessType {
    /** A load. */
    READ,
    /** A store. */
    WRITE,
    /** An instruction fetch. */
    EXECUTE,
    /** A load, store or fetch; the platform cannot tell. The address was not mapped. */
    UNKNOWN
}
