package dev.caisson.kernel.ipc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The queues of a namespace as files. */
final class MessageQueueFilesTest {
    private final IpcNamespace namespace = new IpcNamespace(1, null);
    private final FileSystem files = MessageQueueFiles.of(namespace);

    private PosixQueue open(String name, int uid) throws Exception {
        return namespace.posixQueues().open(name, Fcntl.O_CREAT | Fcntl.O_RDWR, 0640, null, Credentials.ofUser(uid, uid));
    }

    @Test
    void queuesAreFilesWithTheirOwners() throws Exception {
        assertNull(files.root().lookup("jobs"));
        open("jobs", 1000);
        Inode file = files.root().lookup("jobs");
        assertEquals(Stat.S_IFREG | 0640, file.mode());
        assertEquals(1000, file.uid());
        assertSame(file, files.root().lookup("jobs"));
    }

    @Test
    void aFileTellsTheBytesInItsQueue() throws Exception {
        open("jobs", 0).offer(new PosixQueue.Message(1, new byte[5], 1, 0));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(200);
            long length = files.root().lookup("jobs").open(Fcntl.O_RDONLY).read(IoBuffer.of(bytes), 0);
            assertEquals("QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n", bytes.getString(0).substring(0, (int) length));
        }
    }

    @Test
    void filesAreListedMadeAndRemoved() throws Exception {
        open("b", 0);
        Inode made = files.root().create("a", new NewNode(Stat.S_IFREG | 0600, 5, 6, 0));
        assertEquals(5, made.uid());
        List<String> names = new ArrayList<>();
        files.root().open(Fcntl.O_RDONLY).readDirectory(0, (name, inode, type, next) -> names.add(name));
        assertEquals(List.of(".", "..", "a", "b"), names);
        files.root().unlink("a", made);
        assertNull(files.root().lookup("a"));
        assertEquals(List.of("b"), namespace.posixQueues().names());
    }
}
