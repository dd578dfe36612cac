package dev.caisson.spi.platform;

/** What a platform can do beyond the contract. */
public enum Capability {
    /** {@link Exit.Fault} always tells reading, writing and execution apart. */
    EXACT_ACCESS_TYPE,
    /** {@link AddressSpace#fork} hands the mappings of the parent to the child. */
    INHERITS_MAPPINGS
}
