package dev.caisson.vfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.wait.Waiter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Where ".." leads when directories are moved about: openat2(2) with RESOLVE_BENEATH or RESOLVE_IN_ROOT, and mounts of a part of a filesystem. */
@ParameterizedClass
@ValueSource(booleans = {true, false})
class ScopedWalkTest {
    private final boolean isCaching;
    private final Vfs vfs = new Vfs();
    private MountNamespace namespace;
    private User user;

    ScopedWalkTest(boolean isCaching) {
        this.isCaching = isCaching;
    }

    /** Who walks; it never waits. */
    private record User(FsContext fs) implements Caller {
        @Override
        public Credentials credentials() {
            return Credentials.ROOT;
        }

        @Override
        public Waiter waiter() {
            throw new AssertionError("nobody waits here");
        }

        @Override
        public boolean block(long deadlineNs) {
            throw new AssertionError("nobody waits here");
        }
    }

    @BeforeEach
    void mount() throws ErrnoException {
        TwinFileSystem files = new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), isCaching, false);
        namespace = new MountNamespace(files, "files", 0);
        Location root = namespace.rootLocation();
        user = new User(new FsContext(namespace, root, root, 0));
        vfs.mkdir(user, null, "/scope", 0755);
        vfs.mkdir(user, null, "/scope/inner", 0755);
        vfs.mkdir(user, null, "/scope/other", 0755);
    }

    /** A walk along {@code inner/..} that has come to {@code inner}. */
    private PathWalker inInner(int resolve) throws ErrnoException {
        PathWalker walker = new PathWalker(user.fs, Credentials.ROOT, at("/scope"), "inner/..", resolve);
        walker.walkToParent();
        return walker;
    }

    private Location at(String path) throws ErrnoException {
        return new PathWalker(user.fs, Credentials.ROOT, null, path, 0).walk(PathWalker.FOLLOW);
    }

    private static void fails(Errno errno, Executable action) {
        assertEquals(errno, assertThrows(ErrnoException.class, action).errno());
    }

    @Test
    void aDirectoryThatIsMovedOutMeanwhileLeadsNowhere() throws ErrnoException {
        for (int resolve : new int[] {Fcntl.RESOLVE_BENEATH, Fcntl.RESOLVE_IN_ROOT}) {
            PathWalker walker = inInner(resolve);
            vfs.rename(user, null, "/scope/inner", null, "/outside", 0);
            fails(Errno.EAGAIN, () -> walker.finishAt(null));
            vfs.rename(user, null, "/outside", null, "/scope/inner", 0);
        }
    }

    @Test
    void withoutAChangeTheWalkGoesUp() throws ErrnoException {
        vfs.rename(user, null, "/scope/other", null, "/scope/another", 0); // before it began
        for (int resolve : new int[] {Fcntl.RESOLVE_BENEATH, Fcntl.RESOLVE_IN_ROOT}) {
            assertSame(at("/scope").dentry(), inInner(resolve).finishAt(null).dentry());
        }
    }

    @Test
    void otherWalksGoWhereTheDirectoryIsNow() throws ErrnoException {
        PathWalker walker = inInner(0);
        vfs.rename(user, null, "/scope/inner", null, "/outside", 0);
        assertSame(at("/").dentry(), walker.finishAt(null).dentry());
    }

    @Test
    void aMountThatComesMeanwhileIsAChange() throws ErrnoException {
        PathWalker walker = inInner(Fcntl.RESOLVE_BENEATH);
        namespace.mount(new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), isCaching, false), "more", 0, at("/scope/other"));
        fails(Errno.EAGAIN, () -> walker.finishAt(null));
    }

    @Test
    void aMountOfAPartShowsNothingElse() throws ErrnoException {
        vfs.mkdir(user, null, "/view", 0755);
        namespace.bind(at("/scope"), at("/view"), false);
        Location inside = at("/view/inner");
        assertSame(at("/view").dentry(), up(inside).dentry());
        vfs.rename(user, null, "/scope/inner", null, "/outside", 0);
        fails(Errno.ENOENT, () -> up(inside));
        vfs.rename(user, null, "/outside", null, "/scope/other/inner", 0);
        assertSame(at("/scope/other").dentry(), up(inside).dentry());
    }

    private Location up(Location from) throws ErrnoException {
        return new PathWalker(user.fs, Credentials.ROOT, from, "..", 0).walk(PathWalker.FOLLOW);
    }
}
