package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random operations give what the host gives. Seeds are fixed; the system properties {@code caisson.fs.seed} and
 * {@code caisson.fs.operations} choose another first seed and another number per seed.
 */
public interface RandomOperationsContract extends CaseSubject {
    /** Histories per run. */
    int SEEDS = 4;

    /**
     * Compares with the host.
     *
     * @param directory on the host's filesystem
     * @throws ErrnoException a failure of the test
     */
    @Test
    default void randomOperationsGiveWhatTheHostGives(@TempDir Path directory) throws ErrnoException {
        Assumptions.assumeTrue(RandomOperations.hostCanTell(), "the host shows other users' view to root only");
        long first = Long.getLong("caisson.fs.seed", 1);
        int operations = Integer.getInteger("caisson.fs.operations", 400);
        int seeds = Integer.getInteger("caisson.fs.seeds", SEEDS);
        try {
            HostSubject host = new HostSubject(directory);
            for (long seed = first; seed < first + seeds; seed++) {
                new RandomOperations(host, this).compare(seed, operations);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
