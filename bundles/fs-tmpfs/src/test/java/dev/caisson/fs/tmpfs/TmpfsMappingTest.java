package dev.caisson.fs.tmpfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import org.junit.jupiter.api.Test;

/** Writing through a shared mapping moves the modification time. */
class TmpfsMappingTest {
    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private final Mappable.Mapping mapping = (firstPage, pageCount, andPrivateCopies) -> { };

    private static void setTime(Inode file) throws ErrnoException {
        file.change(new AttributeChange(AttributeChange.MODIFY_TIME | AttributeChange.SIZE, 0, 0, 0, 8192, 0, 5, 5));
    }

    @Test
    void theTimeMovesAtTheFaultAndAtMsync() throws ErrnoException {
        TmpfsFileSystem fileSystem = new TmpfsFileSystem(memory, TmpfsOptions.DEFAULT);
        Inode file = fileSystem.root().create("f", new NewNode(Stat.S_IFREG | 0600, 0, 0, 0));
        OpenFile open = file.open(Fcntl.O_RDWR);
        setTime(file);
        Mappable pages = open.mappable();
        pages.addMapping(mapping, true);
        pages.frame(0, false);
        assertEquals(5, file.attributes().modifyNs(), "a read fault changes nothing");
        pages.frame(0, true);
        assertTrue(file.attributes().modifyNs() > 5);
        setTime(file);
        pages.writeBack(0, 1);
        assertTrue(file.attributes().modifyNs() > 5);
        assertTrue(file.attributes().changeNs() > 5);
        pages.removeMapping(mapping, true);
        setTime(file);
        pages.addMapping(mapping, false);
        pages.writeBack(0, 1);
        assertEquals(5, file.attributes().modifyNs(), "nobody can have written");
        pages.removeMapping(mapping, false);
        open.close();
    }

    @Test
    void theSizeLimitHoldsForPagesThatFaultsBringIn() throws ErrnoException {
        TmpfsFileSystem fileSystem = new TmpfsFileSystem(memory, new TmpfsOptions(4, 0, 0755, 0, 0, ""));
        Inode file = fileSystem.root().create("f", new NewNode(Stat.S_IFREG | 0600, 0, 0, 0));
        file.change(new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 1 << 20, 0, 0, 0));
        OpenFile open = file.open(Fcntl.O_RDWR);
        Mappable pages = open.mappable();
        pages.addMapping(mapping, true);
        pages.frame(0, true);
        assertTrue(pages.frameAhead(1) >= 0, "half of the room is there for neighbours");
        assertEquals(Mappable.BEYOND_END, pages.frameAhead(2), "the rest is for pages that are used");
        assertTrue(pages.frameAhead(1) >= 0, "what is there costs nothing");
        pages.frame(100, true);
        pages.frame(200, true);
        assertEquals(Errno.ENOSPC, assertThrows(ErrnoException.class, () -> pages.frame(201, true)).errno());
        assertEquals(0, fileSystem.status().freeBlocks());
        pages.removeMapping(mapping, true);
        open.close();
    }
}
