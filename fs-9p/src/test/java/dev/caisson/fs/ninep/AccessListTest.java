package dev.caisson.fs.ninep;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.PosixAcl;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Access control lists of the server's files, kept by the host's own filesystem. */
@Timeout(600)
class AccessListTest {
    private static final NewNode FILE = new NewNode(0100640, 0, 0, 0);
    private static final int USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, MASK = 16, OTHER = 32;
    private static final Credentials ALICE = Credentials.ofUser(1000, 1000), BOB = Credentials.ofUser(2000, 2000);

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);

    @TempDir
    private Path directory;

    /** Entries of tag, permissions and id. */
    private static byte[] list(int... fields) {
        ByteBuffer out = ByteBuffer.allocate(4 + fields.length / 3 * 8).order(ByteOrder.LITTLE_ENDIAN).putInt(2);
        for (int i = 0; i < fields.length; i += 3) {
            out.putShort((short) fields[i]).putShort((short) fields[i + 1]).putInt(fields[i + 2]);
        }
        return out.array();
    }

    private void check(ServerProcess server, String tree, CachePolicy policy) throws ErrnoException {
        NinepFileSystem fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), tree, "root", 0, 64 << 10,
                20_000, true), policy, false, memory);
        try {
            NinepDirectory root = (NinepDirectory) fileSystem.root();
            Inode file = root.create("file-" + policy, FILE);
            assertErrno(Errno.ENODATA, () -> file.getXattr(PosixAcl.ACCESS));
            byte[] list = list(USER_OBJ, 6, -1, USER, 6, 1000, GROUP_OBJ, 4, -1, MASK, 4, -1, OTHER, 0, -1);
            assertErrno(Errno.EINVAL, () -> file.setXattr(PosixAcl.ACCESS, list(USER_OBJ, 6, -1), 0));
            file.setXattr(PosixAcl.ACCESS, list, 0);
            assertArrayEquals(list, file.getXattr(PosixAcl.ACCESS));
            assertTrue(file.listXattrs().contains(PosixAcl.ACCESS));
            assertEquals(0100640, file.attributes().mode());
            file.checkAccess(Fcntl.R_OK, ALICE);
            assertErrno(Errno.EACCES, () -> file.checkAccess(Fcntl.W_OK, ALICE));
            assertErrno(Errno.EACCES, () -> file.checkAccess(Fcntl.R_OK, BOB));
            file.change(new AttributeChange(AttributeChange.MODE, 0660, 0, 0, 0, 0, 0, 0)); // the mask
            file.checkAccess(Fcntl.R_OK | Fcntl.W_OK, ALICE);
            assertErrno(Errno.EACCES, () -> file.checkAccess(Fcntl.R_OK, BOB));
            file.removeXattr(PosixAcl.ACCESS);
            assertErrno(Errno.EACCES, () -> file.checkAccess(Fcntl.R_OK, ALICE));

            Inode inner = root.create("dir-" + policy, new NewNode(040755, 0, 0, 0));
            byte[] inherited = list(USER_OBJ, 7, -1, USER, 7, 1000, GROUP_OBJ, 5, -1, MASK, 5, -1, OTHER, 0, -1);
            inner.setXattr(PosixAcl.DEFAULT, inherited, 0);
            Inode child = inner.create("child", new NewNode(0100666, 0, 0, 0));
            assertEquals(0100640, child.attributes().mode(), "no more than the directory's list gives");
            child.checkAccess(Fcntl.R_OK, ALICE);
            assertErrno(Errno.EACCES, () -> child.checkAccess(Fcntl.W_OK, ALICE));
            Inode below = inner.create("below", new NewNode(040777, 0, 0, 0));
            assertEquals(040750, below.attributes().mode());
            assertArrayEquals(inherited, below.getXattr(PosixAcl.DEFAULT));
        } finally {
            fileSystem.close();
        }
    }

    @Test
    void theGofersFilesHaveThemInBothPolicies() throws IOException, ErrnoException {
        assumeTrue("root".equals(System.getProperty("user.name")), "files of root");
        Path tree = Files.createDirectory(directory.resolve("tree"));
        try (ServerProcess server = ServerProcess.gofer(List.of(tree), directory.resolve("socket"))) {
            check(server, "tree", CachePolicy.EXCLUSIVE);
            check(server, "tree", CachePolicy.SHARED);
        }
    }

    @Test
    void diodsFilesHaveThemInBothPolicies() throws IOException, ErrnoException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        try (ServerProcess server = ServerProcess.diod(tree, directory.resolve("socket"))) {
            check(server, tree.toString(), CachePolicy.EXCLUSIVE);
            check(server, tree.toString(), CachePolicy.SHARED);
        }
    }
}
