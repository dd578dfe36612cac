package dev.caisson.vfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.InodeAttachment;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.wait.Waiter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** One filesystem takes the place of another that serves the same tree; with cached dentries and without. */
@ParameterizedClass
@ValueSource(booleans = {true, false})
class FileSystemSwapTest {
    private final boolean isCaching;
    private final TwinFileSystem.Kept top = new TwinFileSystem.Kept(TwinFileSystem.directory());
    private final Vfs vfs = new Vfs();
    private TwinFileSystem old;
    private TwinFileSystem next;
    private MountNamespace namespace;
    private User user;

    FileSystemSwapTest(boolean isCaching) {
        this.isCaching = isCaching;
    }

    /** Who uses the files; it never waits. */
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
    void mount() {
        old = new TwinFileSystem(top, isCaching, false);
        next = new TwinFileSystem(top, isCaching, true);
        namespace = new MountNamespace(old, "old", 0);
        Location root = namespace.rootLocation();
        user = new User(new FsContext(namespace, root, root, 0));
    }

    // ---- files

    @Test
    void openFilesKeepOffsetAndFlagsAndGoOn() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(file, "0123456789");
        file.seek(4, Fcntl.SEEK_SET);
        FileDescription log = open("/file", Fcntl.O_WRONLY | Fcntl.O_APPEND | Fcntl.O_NONBLOCK);

        assertEquals(List.of(), swap());

        assertSame(next, file.inode().fileSystem());
        assertEquals("456", read(file, 3));
        write(log, "end");
        assertEquals("789end", read(file, 100));
        assertEquals(Fcntl.O_WRONLY | Fcntl.O_APPEND | Fcntl.O_NONBLOCK, log.flags());
        assertEquals(0, old.opens);
        assertTrue(old.isClosed);
        assertEquals(2, next.opens);
        file.release();
        log.release();
        assertEquals(0, next.opens);
    }

    @Test
    void whatIsWrittenBetweenPreparationAndPauseIsThere() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        FileSystemSwap swap = new FileSystemSwap(namespace.root(), next, "next");
        swap.prepare(List.of(user.fs));
        write(file, "late");
        vfs.rename(user, null, "/file", null, "/renamed", 0);
        FileDescription later = open("/later", Fcntl.O_RDWR | Fcntl.O_CREAT);

        swap.plan(List.of(user.fs), List.of());
        swap.commit();
        swap.finish();

        assertEquals(List.of(), swap.stayed());
        file.seek(0, Fcntl.SEEK_SET);
        assertEquals("late", read(file, 10));
        assertSame(next, later.inode().fileSystem());
        assertEquals("/renamed", Paths.of(file.location(), namespace.rootLocation()));
        assertSame(file.inode(), vfs.resolve(user, null, "/renamed", 0).inode());
    }

    @Test
    void aFileThatIsRenamedWhileItIsLookedForIsLookedForAgain() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        FileSystemSwap swap = new FileSystemSwap(namespace.root(), next, "next");
        next.duringLookup = () -> {
            try {
                vfs.rename(user, null, "/file", null, "/renamed", 0);
            } catch (ErrnoException e) {
                throw new AssertionError(e);
            }
        };
        swap.prepare(List.of(user.fs));
        swap.plan(List.of(user.fs), List.of());
        swap.commit();
        swap.finish();

        assertEquals(List.of(), swap.stayed());
        assertSame(next, file.inode().fileSystem());
        assertEquals("renamed", ((TwinFileSystem.Node) file.inode()).foundAs);
    }

    @Test
    void aHalfReadDirectoryTellsEachEntryOnce() throws Exception {
        vfs.mkdir(user, null, "/directory", 0755);
        for (int i = 0; i < 10; i++) {
            open("/directory/" + i, Fcntl.O_WRONLY | Fcntl.O_CREAT).release();
        }
        FileDescription directory = open("/directory", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        List<String> names = list(directory, 5);
        assertEquals(5, names.size());

        swap();
        names.addAll(list(directory, 100));
        assertEquals(12, names.size());
        assertEquals(12, new HashSet<>(names).size());

        directory.seek(0, Fcntl.SEEK_SET);
        assertEquals(12, list(directory, 100).size());
    }

    @Test
    void unlinkedFilesStayAndAreToldUntilTheyAreClosed() throws Exception {
        FileDescription gone = open("/gone", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(gone, "kept");
        vfs.unlink(user, null, "/gone");
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);

        List<FileSystemSwap.Stayed> stayed = swap();

        assertEquals(1, stayed.size());
        assertSame(gone, stayed.getFirst().description());
        assertEquals("/gone (deleted)", stayed.getFirst().path());
        assertEquals("its name is gone", stayed.getFirst().reason());
        gone.seek(0, Fcntl.SEEK_SET);
        assertEquals("kept", read(gone, 10));
        assertFalse(old.isClosed);
        gone.release();
        assertTrue(old.isClosed);
        assertFalse(next.isClosed);
        file.release();
    }

    @Test
    void anUnlinkedFileWithAnotherNameInUseMoves() throws Exception {
        FileDescription one = open("/one", Fcntl.O_RDWR | Fcntl.O_CREAT);
        vfs.link(user, one.location(), null, "/two");
        FileDescription two = open("/two", Fcntl.O_RDONLY);
        vfs.unlink(user, null, "/one");

        assertEquals(List.of(), swap());

        assertSame(one.inode(), two.inode());
        assertSame(next, one.inode().fileSystem());
    }

    @Test
    void aFileThatIsAnotherOneThereStaysAndItsNameIsTheNewOnes() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        top.names.put("file", new TwinFileSystem.Kept(Stat.S_IFREG | 0644));

        List<FileSystemSwap.Stayed> stayed = swap();

        assertEquals("another file has its name there", stayed.getFirst().reason());
        assertSame(old, file.inode().fileSystem());
        assertSame(next, vfs.resolve(user, null, "/file", 0).inode().fileSystem());
    }

    @Test
    void aFileThatCannotBeOpenedStaysWithAllItsDescriptions() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        FileDescription path = open("/file", Fcntl.O_PATH);
        next.unopenable = (int) file.inode().number();

        List<FileSystemSwap.Stayed> stayed = swap();

        assertEquals(2, stayed.size());
        assertSame(file.inode(), path.inode());
        assertSame(old, file.inode().fileSystem());
        assertEquals(0, next.opens);
    }

    @Test
    void descriptorsWithoutAnOpenFileMove() throws Exception {
        open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT).release();
        FileDescription path = open("/file", Fcntl.O_PATH);
        swap();
        assertSame(next, path.inode().fileSystem());
        assertEquals(0, next.opens);
    }

    // ---- places

    @Test
    void workingDirectoriesMountsAndBindsFollow() throws Exception {
        vfs.mkdir(user, null, "/a", 0755);
        vfs.mkdir(user, null, "/a/b", 0755);
        vfs.mkdir(user, null, "/a/b/on", 0755);
        vfs.mkdir(user, null, "/bound", 0755);
        TwinFileSystem other = new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), true, false);
        namespace.mount(other, "other", 0, vfs.resolve(user, null, "/a/b/on", 0));
        namespace.bind(vfs.resolve(user, null, "/a", 0), vfs.resolve(user, null, "/bound", 0), false);
        user.fs.workingDirectory(vfs.resolve(user, null, "/a/b", 0));

        assertEquals(List.of(), swap());

        assertEquals("/a/b", Paths.workingDirectory(user.fs.workingDirectory(), user.fs.root()));
        assertSame(next, user.fs.workingDirectory().inode().fileSystem());
        assertSame(other, vfs.resolve(user, null, "on", 0).mount().fileSystem());
        assertSame(next, vfs.resolve(user, null, "/bound/b", 0).mount().fileSystem());
        assertSame(vfs.resolve(user, null, "/a/b", 0).inode(), vfs.resolve(user, null, "/bound/b", 0).inode());
        assertEquals("next", namespace.root().source());
        open("made", Fcntl.O_WRONLY | Fcntl.O_CREAT).release();
        assertTrue(top.names.get("a").names.get("b").names.containsKey("made"));
    }

    @Test
    void aRemovedWorkingDirectoryStays() throws Exception {
        vfs.mkdir(user, null, "/gone", 0755);
        user.fs.workingDirectory(vfs.resolve(user, null, "/gone", 0));
        vfs.rmdir(user, null, "/gone");

        List<FileSystemSwap.Stayed> stayed = swap();

        assertNull(stayed.getFirst().description());
        assertFalse(old.isClosed);
        assertErrno(Errno.ENOENT, () -> Paths.workingDirectory(user.fs.workingDirectory(), user.fs.root()));
        FsContext child = user.fs.copy();
        user.fs.workingDirectory(vfs.resolve(user, null, "..", 0));
        assertFalse(old.isClosed, "the copy is still there");
        child.release();
        assertTrue(old.isClosed);
    }

    @Test
    void whatHangsOnInodesGoesAlong() throws Exception {
        final class Hanging implements InodeAttachment {
            private Inode on;

            @Override
            public void movedTo(Inode inode) {
                on = inode;
            }
        }

        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        FileLocks locks = FileLocks.of(file.inode());
        locks.flock(file, 1, Fcntl.LOCK_EX, null);
        open("/watched", Fcntl.O_WRONLY | Fcntl.O_CREAT).release();
        Location watched = vfs.resolve(user, null, "/watched", 0);
        Hanging watch = watched.inode().attachment(Hanging.class, Hanging::new);
        watched.dentry().pin();

        swap();

        assertSame(locks, FileLocks.of(file.inode()));
        FileDescription second = open("/file", Fcntl.O_RDWR);
        assertErrno(Errno.EAGAIN, () -> FileLocks.of(second.inode()).flock(second, 1, Fcntl.LOCK_EX, null));
        file.release();
        FileLocks.of(second.inode()).flock(second, 1, Fcntl.LOCK_EX, null);
        assertSame(vfs.resolve(user, null, "/watched", 0).inode(), watch.on);
        assertSame(watch, watch.on.attachment(Hanging.class, null));
    }

    // ---- what comes home

    @Test
    void aFileThatStayedComesHomeWithItsName() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(file, "kept");
        FileLocks.of(file.inode()).flock(file, 1, Fcntl.LOCK_EX, null);
        TwinFileSystem.Kept own = top.names.put("file", new TwinFileSystem.Kept(Stat.S_IFREG | 0644));
        assertEquals(1, swap().size());
        assertEquals("/file (deleted)", Paths.of(file.location(), namespace.rootLocation()));
        assertEquals(List.of(old), LeftBehind.fileSystems(namespace.root()));
        assertSame(file, LeftBehind.files(namespace.root(), List.of(user.fs)).getFirst().description());

        TwinFileSystem third = new TwinFileSystem(top, isCaching, false);
        assertEquals(1, swapTo(third).size(), "it is told again as long as it stays");
        assertFalse(old.isClosed);
        assertTrue(next.isClosed);

        top.names.put("file", own);
        TwinFileSystem fourth = new TwinFileSystem(top, isCaching, true);
        assertEquals(List.of(), swapTo(fourth));
        assertSame(fourth, file.inode().fileSystem());
        assertSame(file.inode(), vfs.resolve(user, null, "/file", 0).inode());
        assertSame(file.location().dentry(), vfs.resolve(user, null, "/file", 0).dentry());
        assertEquals("/file", Paths.of(file.location(), namespace.rootLocation()));
        assertTrue(old.isClosed);
        assertEquals(List.of(), LeftBehind.fileSystems(namespace.root()));
        FileDescription second = open("/file", Fcntl.O_RDWR);
        assertErrno(Errno.EAGAIN, () -> FileLocks.of(second.inode()).flock(second, 1, Fcntl.LOCK_EX, null));
        file.seek(0, Fcntl.SEEK_SET);
        assertEquals("kept", read(file, 10));
        file.release();
        second.release();
        assertEquals(0, fourth.opens);
        assertFalse(fourth.isClosed);
    }

    @Test
    void aDirectoryThatStayedComesHomeWithWhatIsBelow() throws Exception {
        vfs.mkdir(user, null, "/directory", 0755);
        vfs.mkdir(user, null, "/directory/below", 0755);
        user.fs.workingDirectory(vfs.resolve(user, null, "/directory/below", 0));
        FileDescription file = open("file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        TwinFileSystem.Kept own = top.names.put("directory", new TwinFileSystem.Kept(TwinFileSystem.directory()));
        assertEquals(2, swap().size());
        FileDescription later = open("later", Fcntl.O_RDWR | Fcntl.O_CREAT);
        assertSame(old, later.inode().fileSystem());
        assertErrno(Errno.EXDEV, () -> vfs.rename(user, null, "later", null, "/later", 0));
        assertErrno(Errno.EXDEV, () -> vfs.link(user, later.location(), null, "/later"));

        top.names.put("directory", own);
        TwinFileSystem third = new TwinFileSystem(top, isCaching, false);
        assertEquals(List.of(), swapTo(third));
        assertTrue(old.isClosed);
        assertSame(third, file.inode().fileSystem());
        assertSame(third, later.inode().fileSystem());
        assertEquals("/directory/below", Paths.workingDirectory(user.fs.workingDirectory(), user.fs.root()));
        vfs.rename(user, null, "later", null, "/later", 0);
        assertEquals("/later", Paths.of(later.location(), namespace.rootLocation()));
    }

    @Test
    void aFileWithoutANameComesHomeWhereItIsKnown() throws Exception {
        FileDescription gone = open("/gone", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(gone, "kept");
        vfs.unlink(user, null, "/gone");
        next.kin = old;
        assertEquals(List.of(), swap());
        assertTrue(old.isClosed);
        assertSame(next, gone.inode().fileSystem());
        assertEquals("/gone (deleted)", Paths.of(gone.location(), namespace.rootLocation()));
        gone.seek(0, Fcntl.SEEK_SET);
        assertEquals("kept", read(gone, 10));
        gone.release();
        assertEquals(0, next.opens);
    }

    @Test
    void whoHasTheNameNowComesBeforeWhoHadIt() throws Exception {
        FileDescription first = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        next.unopenable = (int) first.inode().number();
        assertEquals(1, swap().size());
        next.unopenable = 0;
        FileDescription second = open("/file", Fcntl.O_RDWR);
        assertSame(next, second.inode().fileSystem());

        TwinFileSystem third = new TwinFileSystem(top, isCaching, false);
        List<FileSystemSwap.Stayed> stayed = swapTo(third);
        assertSame(first, stayed.getFirst().description());
        assertSame(third, second.inode().fileSystem());
        second.release();
        user.fs.workingDirectory(namespace.rootLocation());
        TwinFileSystem fourth = new TwinFileSystem(top, isCaching, true);
        assertEquals(List.of(), swapTo(fourth));
        assertSame(fourth, first.inode().fileSystem());
        assertTrue(old.isClosed);
    }

    @Test
    void bothNamesOfAFileMoveThoughOneCannotBeFound() throws Exception {
        vfs.mkdir(user, null, "/directory", 0755);
        FileDescription one = open("/one", Fcntl.O_RDWR | Fcntl.O_CREAT);
        vfs.link(user, one.location(), null, "/directory/two");
        FileDescription two = open("/directory/two", Fcntl.O_RDONLY);
        FileLocks locks = FileLocks.of(one.inode());
        top.names.put("directory", new TwinFileSystem.Kept(TwinFileSystem.directory()));

        assertEquals(List.of(), swap());
        assertSame(one.inode(), two.inode());
        assertSame(locks, FileLocks.of(two.inode()));
        assertEquals("/directory/two (deleted)", Paths.of(two.location(), namespace.rootLocation()));
        assertTrue(old.isClosed);
    }

    @Test
    void whoWaitsForALeaseGoesOnWithTheFileOfTheNewFilesystem() throws Exception {
        FileDescription leased = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(leased, "content");
        vfs.link(user, leased.location(), null, "/alias");
        vfs.leases().set(leased, Fcntl.F_WRLCK, () -> {});
        List<FileSystemSwap.Stayed> stayed = new ArrayList<>();
        Caller waiting = new Caller() {
            @Override
            public FsContext fs() {
                return user.fs;
            }

            @Override
            public Credentials credentials() {
                return Credentials.ROOT;
            }

            @Override
            public Waiter waiter() {
                return events -> {};
            }

            @Override
            public boolean block(long deadlineNs) throws ErrnoException {
                try {
                    stayed.addAll(swap());
                } catch (FileSystemSwapException e) {
                    throw new AssertionError(e);
                }
                vfs.leases().set(leased, Fcntl.F_UNLCK, () -> {});
                return true;
            }
        };
        FileDescription opened = vfs.open(waiting, null, "/alias", Fcntl.O_RDWR | Fcntl.O_TRUNC, 0, 0);
        assertEquals(List.of(), stayed);
        assertSame(next, opened.inode().fileSystem());
        assertSame(leased.inode(), opened.inode());
        assertEquals(0, opened.file().sizeBytes());
        assertTrue(old.isClosed);
        opened.release();
        leased.release();
        assertEquals(0, next.opens);
    }

    // ---- what is refused

    @Test
    void anotherRootIsRefused() {
        TwinFileSystem stranger = new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), isCaching, false);
        FileSystemSwapException e = assertThrows(FileSystemSwapException.class, () -> swapTo(stranger));
        assertTrue(e.getMessage().contains("is not the directory that is mounted"), e.getMessage());
        assertTrue(stranger.isClosed);
    }

    @Test
    void anObstacleIsTold() {
        old.obstacle = "changes would be lost";
        assertEquals("changes would be lost", assertThrows(FileSystemSwapException.class, this::swap).getMessage());
    }

    @Test
    void aMountWithoutAPlaceIsRefusedAndEverythingIsAsItWas() throws Exception {
        vfs.mkdir(user, null, "/on", 0755);
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(file, "text");
        TwinFileSystem other = new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), true, false);
        namespace.mount(other, "other", 0, vfs.resolve(user, null, "/on", 0));
        top.names.remove("on");

        assertThrows(FileSystemSwapException.class, this::swap);

        isAsBefore(file);
    }

    @Test
    void aMountCoversAnyDirectoryOfItsName() throws Exception {
        vfs.mkdir(user, null, "/on", 0755);
        TwinFileSystem other = new TwinFileSystem(new TwinFileSystem.Kept(TwinFileSystem.directory()), true, false);
        namespace.mount(other, "other", 0, vfs.resolve(user, null, "/on", 0));
        top.names.put("on", new TwinFileSystem.Kept(TwinFileSystem.directory()));
        assertEquals(List.of(), swap());
        assertSame(other, vfs.resolve(user, null, "/on", 0).mount().fileSystem());
    }

    @Test
    void aFilesystemThatFailsInTheMiddleLeavesEverythingAsItWas() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        write(file, "text");
        FileSystemSwap swap = new FileSystemSwap(namespace.root(), next, "next");
        swap.prepare(List.of(user.fs));
        next.isBroken = true;
        top.modifiedNs++; // so that it is asked again

        assertThrows(FileSystemSwapException.class, () -> swap.plan(List.of(user.fs), List.of()));
        swap.abandon();

        isAsBefore(file);
    }

    private void isAsBefore(FileDescription file) throws ErrnoException {
        assertSame(old, namespace.root().fileSystem());
        assertSame(old, file.inode().fileSystem());
        assertEquals(0, next.opens);
        assertTrue(next.isClosed);
        assertFalse(old.isClosed);
        file.seek(0, Fcntl.SEEK_SET);
        assertEquals("text", read(file, 10));
        assertSame(file.inode(), vfs.resolve(user, null, "/file", 0).inode());
    }

    @Test
    void thereAndBackAgain() throws Exception {
        FileDescription file = open("/file", Fcntl.O_RDWR | Fcntl.O_CREAT);
        vfs.mkdir(user, null, "/directory", 0755);
        FileDescription directory = open("/directory", Fcntl.O_RDONLY);
        open("/directory/entry", Fcntl.O_CREAT | Fcntl.O_WRONLY).release();
        List<String> names = list(directory, 1);
        for (int i = 0; i < 10; i++) {
            write(file, "x");
            names.addAll(list(directory, i % 3 == 0 ? 1 : 0));
            assertEquals(List.of(), swapTo(new TwinFileSystem(top, isCaching, i % 2 == 0)));
        }
        assertEquals(10, file.offset());
        names.addAll(list(directory, 100));
        assertEquals(List.of(".", "..", "entry"), names);
        assertTrue(old.isClosed);
    }

    // ---- helpers

    private List<FileSystemSwap.Stayed> swap() throws FileSystemSwapException {
        return swapTo(next);
    }

    private List<FileSystemSwap.Stayed> swapTo(TwinFileSystem to) throws FileSystemSwapException {
        FileSystemSwap swap = new FileSystemSwap(namespace.root(), to, "next");
        try {
            swap.prepare(List.of(user.fs));
            swap.plan(List.of(user.fs), List.of());
        } catch (FileSystemSwapException e) {
            swap.abandon();
            throw e;
        }
        swap.commit();
        swap.finish();
        return swap.stayed();
    }

    private FileDescription open(String path, int flags) throws ErrnoException {
        return vfs.open(user, null, path, flags, 0644, 0);
    }

    private static void write(FileDescription file, String text) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(text.length(), file.write(IoBuffer.of(arena.allocateFrom(text).asSlice(0, text.length())), null));
        }
    }

    private static String read(FileDescription file, int most) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(most);
            long count = file.read(IoBuffer.of(target));
            return new String(target.asSlice(0, count).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static List<String> list(FileDescription directory, int most) throws ErrnoException {
        List<String> names = new ArrayList<>();
        directory.readDirectory((name, inode, type, position) -> names.size() < most && names.add(name));
        return names;
    }

    private interface Call {
        void run() throws ErrnoException;
    }

    private static void assertErrno(Errno errno, Call call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call::run).errno());
    }
}
