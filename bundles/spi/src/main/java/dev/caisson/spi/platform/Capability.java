package dev.caisson.spi.platform;

/** What a platform can do beyond the contract. */
public enum Capability {
    /** {@link Exit.Fault} always tells reading, writing and execution apart. */
    EXACT_ACCESS_TYPE,
    /** {@link AddressSpace#fork} hands the mappings of the parent to the child. */
    INHERITS_MAPPINGS,
    /** A new space and some dozens of mappings in it cost less than {@link AddressSpace#fork}, since spaces that were closed are used again. */
    REUSES_SPACES
}
