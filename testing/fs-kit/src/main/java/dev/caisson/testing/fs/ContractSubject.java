package dev.caisson.testing.fs;

import org.junit.jupiter.api.Assumptions;

/** What the contract's parts need: a caller on a fresh, empty, writable filesystem mounted at the root. */
public interface ContractSubject {
    /** {@return the superuser in the root directory of the filesystem under test} */
    Guest root();

    /**
     * Whether the filesystem lacks something.
     *
     * @param feature what
     * @return whether tests of it are skipped
     */
    boolean lacks(Feature feature);

    /**
     * Skips the test unless the filesystem can do something.
     *
     * @param feature what
     */
    default void needs(Feature feature) {
        Assumptions.assumeFalse(lacks(feature), () -> "the filesystem lacks " + feature);
    }
}
