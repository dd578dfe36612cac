package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.Assumptions;

/** A filesystem that system calls reach: the host's, or one under test below the VFS. */
public interface CaseSubject {
    /**
     * A caller in a new, empty directory of mode 0777.
     *
     * @return the caller; the test closes it
     * @throws ErrnoException when it cannot be made
     */
    FileCalls freshDirectory() throws ErrnoException;

    /**
     * The same directory after everything in it has become old, whatever that means: an overlay has it in a lower layer then. Descriptors
     * and the caller given are closed.
     *
     * @param calls a caller of {@link #freshDirectory}
     * @return a new caller
     * @throws ErrnoException when it cannot be made
     */
    default FileCalls age(FileCalls calls) throws ErrnoException {
        FileCalls next = calls.another();
        calls.close();
        return next;
    }

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
