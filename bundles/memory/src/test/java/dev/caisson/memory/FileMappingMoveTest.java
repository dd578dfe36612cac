package dev.caisson.memory;

import static dev.caisson.abi.Mman.MAP_SHARED;
import static dev.caisson.abi.Mman.PROT_READ;
import static dev.caisson.abi.Mman.PROT_WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.OpenFile;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Mappings whose file another filesystem serves from some moment on. */
final class FileMappingMoveTest {
    private static final long PAGE = Pages.SIZE;
    private static final int RW = PROT_READ | PROT_WRITE;

    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(8L << 20), 0);
    private final FakePlatform platform = new FakePlatform();
    private final MemoryManager memory = new MemoryManager(frames, platform);
    private final Opened file = new Opened(new Node(), pagesOf(new Node()));

    /** A file of which nothing is asked. */
    private static final class Node extends Inode {
        @Override
        public FileSystem fileSystem() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Attributes attributes() {
            throw new UnsupportedOperationException();
        }

        @Override
        public int mode() {
            return 0100644;
        }

        @Override
        public int uid() {
            return 0;
        }

        @Override
        public int gid() {
            return 0;
        }

        @Override
        public long number() {
            return 1;
        }

        @Override
        public void change(AttributeChange change) {
            throw new UnsupportedOperationException();
        }

        @Override
        public OpenFile open(int flags) {
            throw new UnsupportedOperationException();
        }
    }

    /** A file that programs have open; its pages may be those of a layer's file. */
    private static final class Opened implements MappedFile {
        private Node inode;
        private Mappable pages;

        private Opened(Node inode, Mappable pages) {
            this.inode = inode;
            this.pages = pages;
        }

        @Override
        public Mappable mappable() {
            return pages;
        }

        @Override
        public Inode inode() {
            return inode;
        }

        @Override
        public int allowedProtection() {
            return RW;
        }

        @Override
        public String path() {
            return "/file";
        }

        @Override
        public long deviceId() {
            return 1;
        }

        @Override
        public long inodeNumber() {
            return 1;
        }

        @Override
        public void retain() {}

        @Override
        public void release() {}
    }

    private AnonymousMemory pagesOf(Node layer) {
        AnonymousMemory pages = new AnonymousMemory(frames, PageBudget.UNLIMITED, layer);
        pages.resize(4 * PAGE);
        return pages;
    }

    /** As a change of filesystem does it. */
    private void moveTo(Node inode, Mappable pages, MemoryManager... memories) throws ErrnoException {
        new FileMappingMove(List.of(memories), mapped -> mapped == file ? pages : null).commit();
        inode.takeAttachments(file.inode);
        file.inode = inode;
        file.pages = pages;
    }

    @Test
    void sharedFutexesStayTogetherWhicheverLayerHasThePages() throws ErrnoException {
        long here = memory.map(0, 2 * PAGE, RW, MAP_SHARED, file, 0);
        MemoryManager child = memory.fork(null);
        long second = memory.map(0, PAGE, PROT_READ, MAP_SHARED, file, PAGE);
        FutexKey before = memory.futexKey(here + PAGE + 8, true);
        assertEquals(before, child.futexKey(here + PAGE + 8, true));
        assertEquals(before, memory.futexKey(second + 8, true));

        Node served = new Node();
        moveTo(served, pagesOf(served), memory, child); // the inode is that of the pages
        assertEquals(before, memory.futexKey(here + PAGE + 8, true));
        assertEquals(before, child.futexKey(here + PAGE + 8, true));
        assertEquals(before, memory.futexKey(second + 8, true));

        moveTo(new Node(), pagesOf(new Node()), child, memory); // the pages are a layer's again
        assertEquals(before, child.futexKey(here + PAGE + 8, true));
        assertEquals(before, memory.futexKey(second + 8, true));
        assertNotEquals(before, memory.futexKey(second + 12, true));
        child.close();
        memory.close();
    }

    @Test
    void whoMapsTheFileAfterwardsMeansTheSameFutex() throws ErrnoException {
        long early = memory.map(0, PAGE, RW, MAP_SHARED, file, 0);
        FutexKey before = memory.futexKey(early, true);
        moveTo(new Node(), pagesOf(new Node()), memory);
        long late = memory.map(0, PAGE, RW, MAP_SHARED, new Opened(file.inode, file.pages), 0);
        assertEquals(before, memory.futexKey(late, true));
        memory.close();
    }

    @Test
    void aChangeThatIsGivenUpLeavesTheOldPages() throws ErrnoException {
        long here = memory.map(0, PAGE, RW, MAP_SHARED, file, 0);
        FutexKey before = memory.futexKey(here, true);
        Mappable old = file.pages;
        FileMappingMove move = new FileMappingMove(List.of(memory), mapped -> pagesOf(new Node()));
        assertEquals(1, move.count());
        move.abandon();
        assertSame(old, memory.fileAt(here).mappable());
        assertEquals(before, memory.futexKey(here, true));
        memory.writeInt(here, 7);
        assertEquals(7, memory.loadInt(here));
        memory.close();
    }
}
