package dev.caisson.kernel.ipc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MappedFile;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How long a segment of shared memory stays. */
final class SharedMemoryTest {
    private static final int KEY = 77;

    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(16L << 20), 0);
    private final IpcNamespace namespace = new IpcNamespace(1, frames);
    private final SharedMemory memory = namespace.sharedMemory();

    @AfterEach
    void close() {
        frames.close();
    }

    private int make() throws ErrnoException {
        return memory.get(KEY, 4096, Ipc.IPC_CREAT | 0600, Credentials.ROOT, 1);
    }

    private MappedFile attachment(int id) throws ErrnoException {
        return memory.find(id, false, 0, Credentials.ROOT).attachment(false);
    }

    @Test
    void aSegmentOutlivesItsLastAttachment() throws ErrnoException {
        int id = make();
        MappedFile mapping = attachment(id);
        mapping.retain();
        mapping.release();
        assertEquals(id, make());
    }

    @Test
    void aSegmentGoesWithItsLastAttachmentWhereThatIsForced() throws ErrnoException {
        namespace.limits().set(IpcLimits.Limit.SHM_RMID_FORCED, 1);
        int id = make();
        MappedFile mapping = attachment(id);
        mapping.retain();
        mapping.retain();
        mapping.release();
        assertEquals(id, make(), "one is left");
        mapping.release();
        assertEquals(Errno.EINVAL, assertThrows(ErrnoException.class, () -> attachment(id)).errno());
        assertEquals(0, memory.used());
    }
}
