package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * The contract of filesystems, tried through the VFS. A filesystem's test extends this class; every test gets an instance of its own.
 */
public abstract class FileSystemContractTest
        implements OpenContract, NameContract, RenameContract, LinkContract, AttributeContract, PermissionContract, ContentContract,
        DirectoryContract, XattrContract, PathContract {
    private MountNamespace namespace;
    private FsContext context;
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

    /** {@return what the filesystem lacks} */
    protected Set<Feature> missing() {
        return EnumSet.noneOf(Feature.class);
    }

    /**
     * Mounts a fresh instance.
     *
     * @throws ErrnoException when it cannot be made
     */
    @BeforeEach
    final void mountFresh() throws ErrnoException {
        namespace = new MountNamespace(newFileSystem(), "test", 0);
        Location top = namespace.rootLocation();
        context = new FsContext(namespace, top, top, 0022);
        root = new Guest(new Vfs(), context, Credentials.ROOT);
    }

    /** Lets it go. */
    @AfterEach
    final void unmount() {
        if (context != null) {
            context.release();
            namespace.close();
        }
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
