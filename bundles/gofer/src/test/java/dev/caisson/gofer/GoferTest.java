package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Fcntl.O_CREAT;
import static dev.caisson.abi.Fcntl.O_EXCL;
import static dev.caisson.abi.Fcntl.O_RDONLY;
import static dev.caisson.abi.Fcntl.O_RDWR;
import static dev.caisson.abi.Fcntl.O_TMPFILE;
import static dev.caisson.abi.Fcntl.O_TRUNC;
import static dev.caisson.abi.Fcntl.O_WRONLY;
import static dev.caisson.gofer.NinepClient.ROOT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostPath;
import dev.caisson.ninep.AttributeUpdate;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.FileLockRange;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a well-behaved client gets. */
class GoferTest {
    private static final int NO_CHANGE = -1;

    @TempDir Path directory;
    private GoferFixture gofer;
    private NinepClient client;

    @BeforeEach void start() throws Exception {
        gofer = new GoferFixture(directory);
        client = gofer.client("rw");
    }

    @AfterEach void everythingIsReturned() throws Exception {
        client.close();
        try (GoferFixture ended = gofer) {
            assertTrue(ended.isCleanAtTheEnd(), "fids " + ended.environment.fids() + " handles " + ended.environment.handles().used());
        }
    }

    private int create(int fid, String name, int flags, int mode) {
        return client.errno(MessageType.TLCREATE, w -> w.u32(fid).string(name).u32(flags).u32(mode).u32(NO_CHANGE));
    }

    private void walked(int fid, String... names) {
        assertEquals(names.length, client.walk(ROOT, fid, names));
    }

    @Test void readsAndWritesFiles() throws Exception {
        gofer.write("a/b", "hello");
        walked(1, "a", "b");
        assertEquals(0, client.open(1, O_RDWR));
        assertEquals("ello", client.read(1, 1, 100));
        assertEquals(3, client.write(1, 4, "abc"));
        assertEquals("hellabc", gofer.read("a/b"));
        assertEquals(0, client.clunk(1));
        assertEquals(EBADF.number(), client.clunk(1));
    }

    @Test void createdFilesAreOpenAndHaveTheirMode() throws Exception {
        walked(1);
        assertEquals(0, create(1, "new", O_RDWR | O_EXCL, 0640));
        client.write(1, 0, "text");
        assertEquals("text", gofer.read("new"));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(gofer.tree.resolve("new"))));
        assertEquals(0100640, client.attributes(1).mode());
        walked(2);
        assertEquals(EEXIST.number(), create(2, "new", O_RDWR | O_EXCL, 0600));
        assertEquals(0, create(2, "new", O_RDWR | O_TRUNC, 0600));
        assertEquals("", gofer.read("new"));
    }

    @Test void walksStopWhereTheyFail() throws Exception {
        gofer.write("a/b", "");
        assertEquals(1, client.walk(ROOT, 1, "a", "x", "y"));
        assertEquals(EBADF.number(), client.clunk(1));
        assertEquals(ENOENT.number(), client.walkErrno(ROOT, 1, "x"));
        walked(1, "a");
        assertEquals(EBADF.number(), client.walkErrno(ROOT, 1, "a"));
        assertEquals(1, client.walk(1, 1, "b"));
        assertEquals(Qid.FILE, client.attributes(1).qid().type());
    }

    @Test void theWayUpEndsAtTheRoot() throws Exception {
        gofer.write("a/b/c", "");
        FileAttributes root = client.attributes(ROOT);
        walked(1, "..", "..");
        assertEquals(root.qid().path(), client.attributes(1).qid().path());
        walked(2, "a", "b", "..", "..", "..", "a");
        walked(3, "a");
        assertEquals(client.attributes(3).qid().path(), client.attributes(2).qid().path());
        assertEquals(ENOENT.number(), client.walkErrno(ROOT, 4, "..", "outside") == -1 ? ENOENT.number() : 0);
    }

    @Test void aDirectoryThatWasMovedOutHasNoWayUp() throws Exception {
        gofer.write("a/b/c", "");
        walked(1, "a", "b");
        Files.move(gofer.tree.resolve("a/b"), directory.resolve("b"));
        assertEquals(ENOENT.number(), client.walkErrno(1, 2, ".."));
        assertEquals(1, client.walk(1, 3, "c"));
    }

    @Test void linksAreReadAndNeverFollowed() throws Exception {
        Files.createSymbolicLink(gofer.tree.resolve("link"), directory.resolve("outside"));
        Files.createSymbolicLink(gofer.tree.resolve("up"), Path.of(".."));
        walked(1, "link");
        assertEquals(Qid.SYMLINK, client.attributes(1).qid().type());
        assertEquals(directory.resolve("outside").toString(), client.ask(MessageType.TREADLINK, w -> w.u32(1)).string());
        assertEquals(ELOOP.number(), client.open(1, O_RDONLY));
        assertEquals(1, client.walk(ROOT, 2, "up", "outside"));
        assertEquals(EEXIST.number(), create(ROOT, "link", O_WRONLY | O_EXCL, 0600));
        assertEquals(ELOOP.number(), create(ROOT, "link", O_WRONLY | O_TRUNC, 0600));
        assertEquals("secret", Files.readString(directory.resolve("outside")));
    }

    @Test void fifosAndDevicesAreSeenButNotOpened() throws Exception {
        assertEquals(0, client.errno(MessageType.TMKNOD, w -> w.u32(ROOT).string("fifo").u32(0010644).u32(0).u32(0).u32(NO_CHANGE)));
        walked(1, "fifo");
        assertEquals(0010644, client.attributes(1).mode());
        assertEquals(ENXIO.number(), client.open(1, O_RDONLY));
        assertEquals(ENXIO.number(), create(ROOT, "fifo", O_WRONLY, 0600));
        assertEquals(EPERM.number(), client.errno(MessageType.TMKNOD,
            w -> w.u32(ROOT).string("null").u32(0020666).u32(1).u32(3).u32(NO_CHANGE)));
        assumeTrue(HostCredentials.effectiveUser() == 0, "whiteouts take CAP_MKNOD");
        assertEquals(0, client.errno(MessageType.TMKNOD, w -> w.u32(ROOT).string("white").u32(0020000).u32(0).u32(0).u32(NO_CHANGE)));
        walked(2, "white");
        assertEquals(0020000, client.attributes(2).mode());
        assertEquals(ENXIO.number(), client.open(2, O_RDONLY));
    }

    @Test void openFilesSurviveRenameAndRemoval() throws Exception {
        gofer.write("one", "1");
        walked(1, "one");
        walked(2, "one");
        assertEquals(0, client.open(1, O_RDWR));
        assertEquals(0, client.errno(MessageType.TRENAMEAT, w -> w.u32(ROOT).string("one").u32(ROOT).string("two")));
        assertEquals("1", client.read(1, 0, 9));
        assertEquals(0, client.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string("two").u32(0)));
        client.write(1, 1, "2");
        assertEquals("12", client.read(1, 0, 9));
        assertEquals(0, client.attributes(2).links());
        assertEquals(0, client.open(2, O_RDONLY));
        assertEquals("12", client.read(2, 0, 9));
        assertEquals(ENOENT.number(), client.errno(MessageType.TREMOVE, w -> w.u32(2)));
        assertEquals(EBADF.number(), client.clunk(2));
    }

    @Test void renameAndRemoveFindTheFileWhereItIsNow() throws Exception {
        gofer.write("d/one", "1");
        gofer.write("e/x", "");
        walked(1, "d", "one");
        walked(2, "e");
        Files.move(gofer.tree.resolve("d/one"), gofer.tree.resolve("d/two"));
        assertEquals(0, client.errno(MessageType.TRENAME, w -> w.u32(1).u32(2).string("three")));
        assertEquals("1", gofer.read("e/three"));
        assertEquals(0, client.errno(MessageType.TREMOVE, w -> w.u32(1)));
        assertFalse(Files.exists(gofer.tree.resolve("e/three")));
        walked(1, "d");
        assertEquals(0, client.errno(MessageType.TREMOVE, w -> w.u32(1)));
        assertFalse(Files.exists(gofer.tree.resolve("d")));
    }

    @Test void directoriesAreListedWholeInAnyPieces() throws Exception {
        List<String> expected = new ArrayList<>(List.of(".", ".."));
        for (int i = 0; i < 300; i++) {
            String name = "file-" + "x".repeat(i % 200) + i;
            gofer.write(name, "");
            expected.add(name);
        }
        Collections.sort(expected);
        for (int count : new int[] {300, 1000, 65536}) {
            walked(1);
            assertEquals(0, client.open(1, O_RDONLY));
            List<String> names = client.list(1, count);
            Collections.sort(names);
            assertEquals(expected, names);
            assertEquals(0, client.clunk(1));
        }
        walked(1);
        client.open(1, O_RDONLY);
        assertEquals(EINVAL.number(), client.errno(MessageType.TREADDIR, w -> w.u32(1).u64(0).u32(20)));
    }

    @Test void readingOnFromAnOffsetSkipsWhatWasRemovedAndRepeatsNothing() throws Exception {
        for (int i = 0; i < 200; i++) {
            gofer.write("f" + i, "");
        }
        walked(1);
        client.open(1, O_RDONLY);
        WireReader reply = client.ask(MessageType.TREADDIR, w -> w.u32(1).u64(0).u32(1000));
        reply.u32();
        HashSet<String> seen = new HashSet<>();
        long offset = 0;
        while (reply.remaining() > 0) {
            reply.skip(13);
            offset = reply.u64();
            reply.u8();
            seen.add(reply.string());
        }
        for (String name : seen) {
            Files.deleteIfExists(name.startsWith("f") ? gofer.tree.resolve(name) : directory.resolve("none"));
        }
        long from = offset;
        int rest = 0;
        while (true) {
            long next = offset;
            reply = client.ask(MessageType.TREADDIR, w -> w.u32(1).u64(next).u32(1000));
            if (reply.u32() == 0) {
                break;
            }
            while (reply.remaining() > 0) {
                reply.skip(13);
                offset = reply.u64();
                reply.u8();
                assertTrue(seen.add(reply.string()));
                rest++;
            }
        }
        assertEquals(202, seen.size());
        assertNotEquals(0, rest);
        assertNotEquals(0, from);
    }

    @Test void attributesAreSet() throws Exception {
        gofer.write("f", "0123456789");
        walked(1, "f");
        AttributeUpdate update = new AttributeUpdate(AttributeUpdate.MODE | AttributeUpdate.SIZE | AttributeUpdate.MODIFY_TIME
            | AttributeUpdate.MODIFY_TIME_SET, 0604, 0, 0, 4, 0, 1_234_567_890_123_456_789L);
        client.ask(MessageType.TSETATTR, w -> update.write(w.u32(1)));
        FileAttributes attributes = client.attributes(1);
        assertEquals(0100604, attributes.mode());
        assertEquals(4, attributes.sizeBytes());
        assertEquals(1_234_567_890_123_456_789L, attributes.modifyNs());
        assertEquals("0123", gofer.read("f"));
        walked(2);
        AttributeUpdate shorter = new AttributeUpdate(AttributeUpdate.SIZE, 0, 0, 0, 0, 0, 0);
        assertEquals(EISDIR.number(), client.errno(MessageType.TSETATTR, w -> shorter.write(w.u32(2))));
        WireReader usage = client.ask(MessageType.TSTATFS, w -> w.u32(1));
        usage.u32();
        assertNotEquals(0, usage.u32());
    }

    @Test void linksDirectoriesAndNodesAreMade() throws Exception {
        assertEquals(0, client.errno(MessageType.TMKDIR, w -> w.u32(ROOT).string("d").u32(0750).u32(NO_CHANGE)));
        assertEquals(0, client.errno(MessageType.TSYMLINK, w -> w.u32(ROOT).string("l").string("../../etc").u32(NO_CHANGE)));
        gofer.write("f", "x");
        walked(1, "f");
        walked(2, "d");
        assertEquals(0, client.errno(MessageType.TLINK, w -> w.u32(2).u32(1).string("hard")));
        assertEquals("x", gofer.read("d/hard"));
        assertEquals("../../etc", Files.readSymbolicLink(gofer.tree.resolve("l")).toString());
        assertTrue(Files.isDirectory(gofer.tree.resolve("d"), LinkOption.NOFOLLOW_LINKS));
        assertEquals(EINVAL.number(), client.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string("l").u32(0x400)));
        assertEquals(0, client.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string("l").u32(0)));
    }

    private static FileAttributes madeAt(NinepClient extended, String name, int mode, String target) {
        return FileAttributes.read(extended.ask(MessageType.TMAKEAT,
            w -> w.u32(ROOT).string(name).u32(mode).u32(NO_CHANGE).u32(NO_CHANGE).string(target)), FileAttributes.BASIC);
    }

    private static int notMadeAt(NinepClient extended, String name, int mode, String target) {
        return extended.errno(MessageType.TMAKEAT, w -> w.u32(ROOT).string(name).u32(mode).u32(NO_CHANGE).u32(NO_CHANGE).string(target));
    }

    @Test void whatIsMadeByOneMessageComesWithItsAttributes() throws Exception {
        try (NinepClient extended = gofer.extendedClient()) {
            assertEquals(0040750, madeAt(extended, "d", 0040750, "").mode());
            assertTrue(Files.isDirectory(gofer.tree.resolve("d"), LinkOption.NOFOLLOW_LINKS));
            FileAttributes link = madeAt(extended, "l", 0120777, "../../etc");
            assertEquals(9, link.sizeBytes());
            assertEquals("../../etc", Files.readSymbolicLink(gofer.tree.resolve("l")).toString());
            assertEquals(0010600, madeAt(extended, "p", 0010600, "").mode());
            assertEquals(0140600, madeAt(extended, "s", 0140600, "").mode());
            extended.walk(ROOT, 1, "l");
            assertEquals(extended.attributes(1).qid().path(), link.qid().path());
            assertEquals(EEXIST.number(), notMadeAt(extended, "d", 0040700, ""));
            assertEquals(EPERM.number(), notMadeAt(extended, "n", 0100600, ""));
            assertEquals(EPERM.number(), notMadeAt(extended, "n", 0020600, ""));
            assertEquals(EINVAL.number(), notMadeAt(extended, "n", 0040700, "target"));
            assertEquals(ENOENT.number(), notMadeAt(extended, "n", 0120777, ""));
            assertEquals(EINVAL.number(), notMadeAt(extended, "n", 01040700, ""));
            assertEquals(EINVAL.number(), notMadeAt(extended, "../n", 0040700, ""));
            assertFalse(Files.exists(gofer.tree.resolve("n"), LinkOption.NOFOLLOW_LINKS));
        }
    }

    @Test void extendedAttributesAreSetReadListedAndRemoved() throws Exception {
        gofer.write("f", "");
        walked(1, "f");
        walked(2, "f");
        int errno = client.errno(MessageType.TXATTRCREATE, w -> w.u32(2).string("user.color").u64(4).u32(0));
        assertEquals(0, errno);
        client.write(2, 0, "bl");
        client.write(2, 2, "ue");
        assertEquals(0, client.clunk(2));
        assertEquals(4, client.ask(MessageType.TXATTRWALK, w -> w.u32(1).u32(3).string("user.color")).u64());
        assertEquals("blue", client.read(3, 0, 100));
        assertEquals("ue", client.read(3, 2, 100));
        client.ask(MessageType.TXATTRWALK, w -> w.u32(1).u32(4).string(""));
        assertTrue(client.read(4, 0, 1000).contains("user.color\0"));
        assertEquals(EPERM.number(), client.errno(MessageType.TXATTRCREATE, w -> w.u32(1).string("security.evil").u64(1).u32(0)));
        walked(5, "f");
        client.ask(MessageType.TXATTRCREATE, w -> w.u32(5).string("user.color").u64(0).u32(2));
        assertEquals(0, client.clunk(5));
        assertEquals(61, client.errno(MessageType.TXATTRWALK, w -> w.u32(1).u32(6).string("user.color"))); // ENODATA
        walked(7, "f");
        client.ask(MessageType.TXATTRCREATE, w -> w.u32(7).string("user.half").u64(10).u32(0));
        assertEquals(EINVAL.number(), client.clunk(7));
    }

    @Test void locksOfTwoFidsConflictAndEndWithClunk() throws Exception {
        gofer.write("f", "0123456789");
        walked(1, "f");
        walked(2, "f");
        client.open(1, O_RDWR);
        client.open(2, O_RDWR);
        assertEquals(Protocol.LOCK_SUCCESS, lock(1, Protocol.LOCK_WRITE));
        assertEquals(Protocol.LOCK_BLOCKED, lock(2, Protocol.LOCK_READ));
        FileLockRange asked = new FileLockRange(Protocol.LOCK_READ, 0, 0, 7, "me");
        FileLockRange found = FileLockRange.read(client.ask(MessageType.TGETLOCK, w -> asked.write(w.u32(2))));
        assertEquals(Protocol.LOCK_WRITE, found.type());
        walked(3, "f");
        assertEquals(0, client.walk(1, 4)); // a second fid of the open file does not keep the lock
        assertEquals(0, client.clunk(1));
        assertEquals(Protocol.LOCK_SUCCESS, lock(2, Protocol.LOCK_READ));
    }

    private int lock(int fid, int type) {
        return client.ask(MessageType.TLOCK, w -> w.u32(fid).u8(type).u32(0).u64(0).u64(0).u32(7).string("me")).u8();
    }

    @Test void aReadOnlyExportIsNotChanged() throws Exception {
        gofer.write("f", "x");
        try (NinepClient reader = gofer.client("ro")) {
            reader.walk(ROOT, 1, "f");
            assertEquals(EROFS.number(), reader.open(1, O_RDWR));
            assertEquals(EROFS.number(), reader.open(1, O_RDONLY | O_TRUNC));
            assertEquals(EROFS.number(), reader.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string("f").u32(0)));
            assertEquals(EROFS.number(), reader.errno(MessageType.TMKDIR, w -> w.u32(ROOT).string("d").u32(0700).u32(NO_CHANGE)));
            assertEquals(EROFS.number(), reader.errno(MessageType.TREMOVE, w -> w.u32(1)));
            reader.walk(ROOT, 2, "f");
            AttributeUpdate update = new AttributeUpdate(AttributeUpdate.MODE, 0, 0, 0, 0, 0, 0);
            assertEquals(EROFS.number(), reader.errno(MessageType.TSETATTR, w -> update.write(w.u32(2))));
            assertEquals(0, reader.open(2, O_RDONLY));
            assertEquals("x", reader.read(2, 0, 9));
        }
    }

    @Test void versionStartsOver() throws Exception {
        gofer.write("f", "x");
        walked(1, "f");
        assertEquals("9P2000.L", client.version(8192, "9P2000.L"));
        assertEquals(EBADF.number(), client.clunk(1));
        assertEquals("unknown", client.version(8192, "9P2000.u"));
        assertEquals("unknown", client.version(100, "9P2000.L"));
        assertEquals("9P2000.L", client.version(8192, "9P2000.L"));
        client.attach("rw");
        walked(1, "f");
    }

    @Test void theExtensionIsThereOnlyWhereItWasAgreedOn() {
        assertEquals(95, client.errno(MessageType.TWALKGETATTR, w -> w.u32(ROOT).u32(1).u16(0)));
    }

    @Test void aWalkTellsTheAttributesOfEveryStep() throws Exception {
        gofer.write("a/b", "12345");
        try (NinepClient extended = gofer.extendedClient()) {
            WireReader reply = extended.ask(MessageType.TWALKGETATTR, w -> w.u32(ROOT).u32(Protocol.NO_FID).u16(2).string("a").string("b"));
            assertEquals(0, reply.u32());
            assertEquals(2, reply.u16());
            assertEquals(Qid.DIRECTORY, FileAttributes.read(reply, FileAttributes.BASIC).qid().type());
            assertEquals(5, FileAttributes.read(reply, FileAttributes.BASIC).sizeBytes());
            reply = extended.ask(MessageType.TWALKGETATTR, w -> w.u32(ROOT).u32(1).u16(2).string("a").string("x"));
            assertEquals(ENOENT.number(), reply.u32());
            assertEquals(1, reply.u16());
            assertEquals(EBADF.number(), extended.clunk(1));
        }
    }

    @Test void aDirectoryIsReadWithAttributes() throws Exception {
        for (int i = 0; i < 500; i++) {
            gofer.write("f" + i, "x".repeat(i));
        }
        try (NinepClient extended = gofer.extendedClient()) {
            extended.walk(ROOT, 1);
            extended.open(1, O_RDONLY);
            HashSet<String> names = new HashSet<>();
            long offset = 0;
            boolean isEnd = false;
            while (!isEnd) {
                long from = offset;
                WireReader reply = extended.ask(MessageType.TREADDIRATTR, w -> w.u32(1).u64(from).u32(8000));
                isEnd = reply.u8() == 1;
                reply.u32();
                while (reply.remaining() > 0) {
                    FileAttributes attributes = FileAttributes.read(reply, FileAttributes.BASIC);
                    offset = reply.u64();
                    assertEquals(8, reply.u8()); // DT_REG
                    String name = reply.string();
                    assertTrue(names.add(name));
                    assertEquals(Integer.parseInt(name.substring(1)), attributes.sizeBytes());
                }
            }
            assertEquals(500, names.size());
        }
    }

    @Test void openFilesAreGivenAway() throws Exception {
        gofer.write("f", "given");
        try (NinepClient extended = gofer.extendedClient()) {
            WireReader reply = openAt(extended, 1, "f", O_RDONLY, 0);
            assertEquals(1, reply.u8());
            assertEquals(5, FileAttributes.read(reply, FileAttributes.BASIC).sizeBytes());
            assertEquals("given", NinepClient.readDescriptor(extended.descriptors.getFirst()));
            assertEquals(EBADF.number(), extended.clunk(1));
            reply = openAt(extended, 1, "new", O_RDWR | O_CREAT | O_EXCL, 04755);
            assertEquals(1, reply.u8());
            assertEquals(0104755, FileAttributes.read(reply, FileAttributes.BASIC).mode());
            reply = openAt(extended, 1, "", O_RDONLY, 0);
            assertEquals(0, reply.u8()); // a directory
            assertEquals(0, extended.clunk(1));
        }
    }

    private static WireReader openAt(NinepClient to, int fid, String name, int flags, int mode) {
        return to.ask(MessageType.TOPENAT, w -> w.u32(ROOT).u32(fid).string(name).u32(flags).u32(mode).u32(NO_CHANGE).u32(NO_CHANGE));
    }

    @Test void aFileWithoutANameGetsOne() throws Exception {
        try (NinepClient extended = gofer.extendedClient()) {
            assertEquals(2, openAt(extended, 1, "", O_RDWR | O_TMPFILE, 0600).u8());
            assertEquals(0, extended.errno(MessageType.TLINK, w -> w.u32(ROOT).u32(1).string("named")));
            assertTrue(Files.exists(gofer.tree.resolve("named")));
            assertEquals(EINVAL.number(), extended.errno(MessageType.TOPENAT,
                w -> w.u32(ROOT).u32(9).string("n").u32(O_RDWR | O_TMPFILE).u32(0).u32(NO_CHANGE).u32(NO_CHANGE)));
        }
    }

    @Test void anAttachWorksAsItsUser() throws Exception {
        assumeTrue(HostCredentials.effectiveUser() == 0, "only root can be somebody else");
        gofer.write("secret", "x");
        Files.setPosixFilePermissions(gofer.tree.resolve("secret"), PosixFilePermissions.fromString("rw-------"));
        HostPath.changeMode(Fcntl.AT_FDCWD, directory.toString(), 0755);
        HostPath.changeMode(Fcntl.AT_FDCWD, gofer.tree.toString(), 0777);
        client.ask(MessageType.TATTACH, w -> w.u32(50).u32(Protocol.NO_FID).string("").string("rw").u32(4242));
        assertEquals(1, client.walk(50, 51, "secret"));
        assertEquals(EACCES.number(), client.open(51, O_RDONLY));
        assertEquals(0, client.walk(50, 52));
        assertEquals(0, create(52, "own", O_RDWR, 0600));
        assertEquals(4242, client.attributes(52).uid());
        walked(53, "secret");
        assertEquals(0, client.open(53, O_RDONLY));
    }
}
