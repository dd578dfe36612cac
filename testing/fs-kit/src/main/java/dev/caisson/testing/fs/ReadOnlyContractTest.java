package dev.caisson.testing.fs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The part of the contract that a filesystem keeps which nobody can write to. Trees grow on the host by operations by chance; the filesystem
 * under test shows them: the whole tree is the same, whatever only reads gives the same result for every user, and nothing changes it.
 */
public abstract class ReadOnlyContractTest {
    private static final int OPERATIONS = 500;
    /** The seed of what is done with the tree differs from that by which it grew. */
    private static final long OTHER_SEED = 1000;

    /** For subclasses. */
    protected ReadOnlyContractTest() {}

    /**
     * Makes a filesystem that shows a tree.
     *
     * @param tree a directory of the host; nobody changes it any more
     * @return a new instance, whose root is that directory
     * @throws IOException when it cannot be made
     * @throws ErrnoException when it cannot be made
     */
    protected abstract FileSystem showing(Path tree) throws IOException, ErrnoException;

    /** {@return what the filesystem lacks} */
    protected Set<Feature> missing() {
        return EnumSet.noneOf(Feature.class);
    }

    private CaseSubject subject() {
        Set<Feature> lacking = missing();
        return new CaseSubject() {
            @Override
            public FileCalls freshDirectory() {
                throw new UnsupportedOperationException("nothing can be made");
            }

            @Override
            public boolean lacks(Feature feature) {
                return feature == Feature.LASTING_SOCKETS || lacking.contains(feature);
            }
        };
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    final void aTreeOfTheHostShowsAsItIs(long seed) throws IOException, ErrnoException, InterruptedException {
        Assumptions.assumeTrue(RandomOperations.hostCanTell(), "the host shows other users' view to root only");
        Path directory = Files.createTempDirectory("caisson-read-only");
        try {
            compare(seed, new HostSubject(directory));
        } finally {
            new ProcessBuilder("rm", "-rf", directory.toString()).start().waitFor(); // directories by chance have any modes
        }
    }

    private void compare(long seed, HostSubject host) throws IOException, ErrnoException {
        RandomOperations random = new RandomOperations(host, subject());
        FileCalls grown = host.freshDirectory();
        Interpreter maker = new Interpreter(grown);
        random.steps(seed, OPERATIONS).forEach(maker::run);
        String place = ((HostFileCalls) grown).directory();
        grown.close();

        FileSystem fileSystem = showing(Path.of(place));
        MountNamespace namespace = new MountNamespace(fileSystem, "test", Mount.MS_RDONLY);
        Location top = namespace.rootLocation();
        FsContext context = new FsContext(namespace, top, top, 0022);
        try (FileCalls one = new HostFileCalls(place);
                FileCalls other = new VfsFileCalls(new Guest(new Vfs(), context, Credentials.ROOT), top)) {
            assertNull(random.treeDifference(one, other));
            Interpreter reference = new Interpreter(one);
            Interpreter tested = new Interpreter(other);
            for (Step step : random.steps(seed + OTHER_SEED, OPERATIONS)) {
                if (RandomOperations.onlyReads(step)) {
                    assertEquals(reference.run(step), tested.run(step), step::text);
                } else {
                    String got = tested.run(step);
                    assertTrue(got.matches("E[A-Z0-9]+|" + Interpreter.UNBOUND), () -> step.text() + " gives " + Step.printable(got));
                }
            }
            assertNull(random.treeDifference(one, other));
        } finally {
            context.release();
            namespace.close();
        }
    }
}
