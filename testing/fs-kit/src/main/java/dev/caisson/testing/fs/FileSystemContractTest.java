package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The contract of filesystems, tried through the VFS. A filesystem's test extends this class; every test gets an instance of its own,
 * and every {@linkplain CaseFile case} a directory of its own in one instance.
 */
public abstract class FileSystemContractTest
        implements InternalsContract, PathContract, ConcurrencyContract, RandomOperationsContract {
    private final AtomicInteger directories = new AtomicInteger();
    /** What was mounted, the latest last. */
    private final List<MountNamespace> namespaces = new ArrayList<>();
    private final List<FsContext> contexts = new ArrayList<>();
    private Guest root;

    /** For subclasses. */
    protected FileSystemContractTest() {}

    /**
     * Makes an empty, writable filesystem whose root directory belongs to the superuser with mode 0755.
     *
     * @return a new instance
     * @throws ErrnoException when it cannot be made
     */
    protected abstract FileSystem newFileSystem() throws ErrnoException;

    /**
     * A filesystem that shows the same, but has it from elsewhere: an overlay over the layers of the one in use, with a fresh upper layer.
     * Operations by chance change to it now and then. Not needed by others.
     *
     * @param used what {@link #newFileSystem} or this method gave last; it stays open
     * @return a new instance, or null to go on with the one in use
     * @throws ErrnoException when it cannot be made
     */
    protected FileSystem aged(FileSystem used) throws ErrnoException {
        return null;
    }

    /** {@return what the filesystem lacks} */
    protected Set<Feature> missing() {
        return EnumSet.noneOf(Feature.class);
    }

    /**
     * Cases that the filesystem is known to keep otherwise than Linux; they are skipped, and the reason shows in the report.
     *
     * @return reasons by the names of cases, as the report shows them (a name without its values stands for all of them)
     */
    protected Map<String, String> deviations() {
        return Map.of();
    }

    /**
     * Mounts a fresh instance.
     *
     * @throws ErrnoException when it cannot be made
     */
    @BeforeEach
    final void mountFresh() throws ErrnoException {
        mount(newFileSystem());
    }

    private void mount(FileSystem fileSystem) {
        MountNamespace namespace = new MountNamespace(fileSystem, "test", 0);
        Location top = namespace.rootLocation();
        FsContext context = new FsContext(namespace, top, top, 0022);
        namespaces.add(namespace);
        contexts.add(context);
        root = new Guest(new Vfs(), context, Credentials.ROOT);
    }

    /** Lets it go. */
    @AfterEach
    final void unmount() {
        for (int i = namespaces.size() - 1; i >= 0; i--) {
            contexts.get(i).release();
            namespaces.get(i).close();
        }
        namespaces.clear();
        contexts.clear();
    }

    /**
     * The cases that the host has proven, each in a fresh directory.
     *
     * @return one test per case
     */
    @TestFactory
    final Stream<DynamicTest> casesOfTheManual() {
        return CaseFile.all().stream().map(each -> DynamicTest.dynamicTest(each.name(), () -> {
            each.needs().forEach(this::needs);
            for (Map.Entry<String, String> deviation : deviations().entrySet()) {
                Assumptions.assumeFalse(each.name().equals(deviation.getKey()) || each.name().startsWith(deviation.getKey() + " {"),
                        deviation.getValue());
            }
            try (FileCalls calls = freshDirectory()) {
                each.run(calls);
            }
        }));
    }

    @Override
    public final FileCalls freshDirectory() throws ErrnoException {
        String name = "/case" + directories.incrementAndGet();
        root.mkdir(name);
        root.chmod(name, 0777);
        return new VfsFileCalls(root, root.at(name));
    }

    @Override
    public final FileCalls age(FileCalls calls) throws ErrnoException {
        FileSystem used = root.fs().root().dentry().fileSystem();
        used.sync();
        FileSystem next = aged(used);
        if (next == null) {
            return RandomOperationsContract.super.age(calls);
        }
        String name = ((VfsFileCalls) calls).directoryName();
        calls.close();
        mount(next);
        return new VfsFileCalls(root, root.at("/" + name));
    }

    @Override
    public final Guest root() {
        return root;
    }

    @Override
    public final boolean lacks(Feature feature) {
        return missing().contains(feature);
    }
}
