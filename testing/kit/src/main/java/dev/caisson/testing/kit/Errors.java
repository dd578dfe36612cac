package dev.caisson.testing.kit;

import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import org.junit.jupiter.api.function.Executable;

/** Checks of what calls fail with. */
public final class Errors {
    private Errors() {}

    /**
     * Asserts that an action fails.
     *
     * @param expected with what
     * @param action the action
     */
    public static void assertErrno(Errno expected, Executable action) {
        assertSame(expected, assertThrows(ErrnoException.class, action).errno());
    }
}
