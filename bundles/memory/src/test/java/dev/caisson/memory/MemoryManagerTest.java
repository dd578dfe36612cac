package dev.caisson.memory;

import static dev.caisson.abi.Mman.*;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AccessType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class MemoryManagerTest {
    private static final long PAGE = Pages.SIZE;
    private static final long BASE = 0x20_0000_0000L;
    private static final int RW = PROT_READ | PROT_WRITE;
    private static final int ANON = MAP_PRIVATE | MAP_ANONYMOUS;

    private final FakePlatform platform = new FakePlatform();
    private final MemoryFile frames = new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0);
    private final MemoryManager memory = new MemoryManager(frames, platform);
    private final FakePlatform.Guest guest = platform.new Guest(memory);
    private long stackLimit = 8L << 20;
    private long spaceLimit = -1;
    private long dataLimit = -1;
    private long lockLimit = 64 << 10;

    MemoryManagerTest() {
        memory.limits(new MemoryLimits() {
            @Override
            public long stackBytes() {
                return stackLimit;
            }

            @Override
            public long addressSpaceBytes() {
                return spaceLimit;
            }

            @Override
            public long dataBytes() {
                return dataLimit;
            }

            @Override
            public long lockedBytes() {
                return lockLimit;
            }
        });
    }

    private void mapAt(long page, long count, int protection) throws ErrnoException {
        memory.map(BASE + page * PAGE, count * PAGE, protection, ANON | MAP_FIXED, null, 0);
    }

    private List<VmaInfo> around() {
        return memory.mappings().stream().filter(v -> v.start() >= BASE && v.start() < BASE + (1L << 30)).toList();
    }

    @Nested
    class Mmap {
        @Test
        void anEmptyLengthIsEinvalAndAHugeOneEnomem() {
            assertErrno(Errno.EINVAL, () -> memory.map(0, 0, RW, ANON, null, 0));
            assertErrno(Errno.ENOMEM, () -> memory.map(0, -1, RW, ANON, null, 0));
            assertErrno(Errno.ENOMEM, () -> memory.map(0, 1L << 47, RW, ANON, null, 0));
        }

        @Test
        void writableMemoryBeyondAllThereIsIsEnomem() throws ErrnoException {
            long tooMuch = 128L << 20;
            assertErrno(Errno.ENOMEM, () -> memory.map(0, tooMuch, RW, ANON, null, 0));
            assertErrno(Errno.ENOMEM, () -> memory.map(0, tooMuch, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0));
            memory.map(0, tooMuch, RW, ANON | MAP_NORESERVE, null, 0);
            long reserved = memory.map(0, tooMuch, PROT_NONE, ANON, null, 0);
            assertErrno(Errno.ENOMEM, () -> memory.protect(reserved, tooMuch, RW));
            memory.protect(reserved, tooMuch / 4, RW);
        }

        @Test
        void aMapTypeIsNeeded() {
            assertErrno(Errno.EINVAL, () -> memory.map(0, PAGE, RW, MAP_ANONYMOUS, null, 0));
            assertErrno(Errno.EINVAL, () -> memory.map(0, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, null, 0));
        }

        @Test
        void aFixedAddressMustBeAlignedAndInRange() {
            assertErrno(Errno.EINVAL, () -> memory.map(BASE + 1, PAGE, RW, ANON | MAP_FIXED, null, 0));
            assertErrno(Errno.ENOMEM, () -> memory.map(-PAGE, PAGE, RW, ANON | MAP_FIXED, null, 0));
            assertErrno(Errno.EPERM, () -> memory.map(0, PAGE, RW, ANON | MAP_FIXED, null, 0));
        }

        @Test
        void noReplaceRefusesWhatFixedReplaces() throws ErrnoException {
            mapAt(0, 4, RW);
            guest.store(BASE, (byte) 5);
            assertErrno(Errno.EEXIST, () -> memory.map(BASE + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, null, 0));
            mapAt(0, 1, RW);
            assertEquals(0, guest.load(BASE));
        }

        @Test
        void aHintIsTakenWhenItIsFreeAndIgnoredWhenNot() throws ErrnoException {
            assertEquals(BASE, memory.map(BASE, PAGE, RW, ANON, null, 0));
            assertTrue(memory.map(BASE, PAGE, RW, ANON, null, 0) != BASE);
        }

        @Test
        void mappingsArePlacedBelowEachOtherAndJoined() throws ErrnoException {
            long first = memory.map(0, 2 * PAGE, RW, ANON, null, 0);
            long second = memory.map(0, PAGE, RW, ANON, null, 0);
            assertEquals(first - PAGE, second);
            assertEquals(1, memory.mappings().size());
        }

        @Test
        void lowMappingsLieInTheFirstTwoGibibytes() throws ErrnoException {
            long address = memory.map(0, PAGE, RW, ANON | MAP_32BIT, null, 0);
            assertTrue(address >= 0x40000000L && address < 0x80000000L);
        }

        @Test
        void theAddressSpaceLimitIsEnomem() throws ErrnoException {
            spaceLimit = 10 * PAGE;
            mapAt(0, 8, RW);
            assertErrno(Errno.ENOMEM, () -> mapAt(100, 3, RW));
            mapAt(0, 8, RW); // replaces as much as it takes
            mapAt(100, 2, RW);
        }

        @Test
        void theDataLimitCountsPrivateWritableMappings() throws ErrnoException {
            dataLimit = 4 * PAGE;
            mapAt(0, 4, RW);
            mapAt(50, 4, PROT_READ);
            assertErrno(Errno.ENOMEM, () -> mapAt(100, 1, RW));
        }

        @Test
        void hugePagesAreRefused() {
            assertErrno(Errno.ENOMEM, () -> memory.map(0, PAGE, RW, ANON | MAP_HUGETLB, null, 0));
        }
    }

    @Nested
    class MunmapAndMprotect {
        @Test
        void unmappingTheMiddleSplits() throws ErrnoException {
            mapAt(0, 9, RW);
            memory.unmap(BASE + 3 * PAGE, 3 * PAGE);
            assertEquals(2, around().size());
            assertEquals(MemoryModel.MAPERR, guest.load(BASE + 4 * PAGE));
            assertErrno(Errno.EINVAL, () -> memory.unmap(BASE + 1, PAGE));
            assertErrno(Errno.EINVAL, () -> memory.unmap(BASE, 0));
        }

        @Test
        void everythingCanBeUnmappedAtOnceWhateverThePlatformsLimit() throws ErrnoException {
            mapAt(0, 10, RW);
            guest.store(BASE, (byte) 1);
            long all = 0x7fff_ffff_f000L;
            assertErrno(Errno.EINVAL, () -> memory.unmap(0, all + PAGE));
            assertErrno(Errno.EINVAL, () -> memory.unmap(PAGE, all));
            memory.unmap(0, all);
            assertEquals(List.of(), memory.mappings());
        }

        @Test
        void protectingSplitsAndProtectingBackJoins() throws ErrnoException {
            mapAt(0, 9, RW);
            memory.protect(BASE + 3 * PAGE, 3 * PAGE, PROT_READ);
            assertEquals(3, around().size());
            assertEquals(MemoryModel.ACCERR, guest.store(BASE + 3 * PAGE, (byte) 1));
            memory.protect(BASE + 3 * PAGE, 3 * PAGE, RW);
            assertEquals(1, around().size());
            assertEquals(0, guest.store(BASE + 3 * PAGE, (byte) 1));
        }

        @Test
        void aGapIsEnomemAfterWhatLiesBeforeItWasChanged() throws ErrnoException {
            mapAt(0, 2, RW);
            mapAt(3, 2, RW);
            assertErrno(Errno.ENOMEM, () -> memory.protect(BASE, 5 * PAGE, PROT_READ));
            assertEquals(PROT_READ, around().get(0).protection());
            assertEquals(RW, around().get(1).protection());
        }

        @Test
        void unknownProtectionIsEinval() throws ErrnoException {
            mapAt(0, 1, RW);
            assertErrno(Errno.EINVAL, () -> memory.protect(BASE, PAGE, 0x40));
            assertErrno(Errno.EINVAL, () -> memory.protect(BASE, PAGE, PROT_READ | PROT_GROWSDOWN));
        }

        @Test
        void contentSurvivesProtectionsThatForbidItsUse() throws ErrnoException {
            mapAt(0, 4, RW);
            guest.store(BASE + 100, (byte) 42);
            memory.protect(BASE, 4 * PAGE, PROT_NONE);
            assertEquals(MemoryModel.ACCERR, guest.load(BASE + 100));
            assertErrno(Errno.EFAULT, () -> memory.readByte(BASE + 100));
            memory.protect(BASE, 4 * PAGE, PROT_READ);
            assertEquals(42, guest.load(BASE + 100));
            assertErrno(Errno.EFAULT, () -> memory.writeByte(BASE + 100, (byte) 1));
        }
    }

    @Nested
    class Stack {
        private final long top = BASE + (1L << 30);

        private void mapStack() throws ErrnoException {
            memory.map(top - 4 * PAGE, 4 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, null, 0);
        }

        @Test
        void growsToAnAccessWithinTheLimit() throws ErrnoException {
            mapStack();
            assertEquals(0, guest.store(top - (1L << 20), (byte) 1));
            stackLimit = 2L << 20;
            assertEquals(MemoryModel.MAPERR, guest.store(top - (3L << 20), (byte) 1));
        }

        @Test
        void growsForTheKernelToo() throws ErrnoException {
            mapStack();
            memory.writeLong(top - (1L << 20), 7);
            assertEquals(7, memory.readLong(top - (1L << 20)));
        }

        @Test
        void keepsAGapToTheMappingBelow() throws ErrnoException {
            mapStack();
            memory.map(top - 300 * PAGE, PAGE, RW, ANON | MAP_FIXED, null, 0);
            assertEquals(0, guest.store(top - 40 * PAGE, (byte) 1));
            assertEquals(MemoryModel.MAPERR, guest.store(top - 100 * PAGE, (byte) 1));
        }
    }

    @Nested
    class Mremap {
        @Test
        void growsInPlaceOrMoves() throws ErrnoException {
            mapAt(0, 2, RW);
            guest.store(BASE, (byte) 9);
            assertEquals(BASE, memory.remap(BASE, 2 * PAGE, 4 * PAGE, 0, 0));
            mapAt(4, 1, PROT_READ);
            assertErrno(Errno.ENOMEM, () -> memory.remap(BASE, 4 * PAGE, 8 * PAGE, 0, 0));
            long moved = memory.remap(BASE, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0);
            assertEquals(9, guest.load(moved));
            assertEquals(MemoryModel.MAPERR, guest.load(BASE));
        }

        @Test
        void checksInTheOrderOfLinux() throws ErrnoException {
            mapAt(0, 2, RW);
            assertErrno(Errno.EINVAL, () -> memory.remap(BASE, PAGE, PAGE, 8, 0));
            assertErrno(Errno.EINVAL, () -> memory.remap(BASE, PAGE, PAGE, MREMAP_FIXED, 0));
            assertErrno(Errno.EINVAL, () -> memory.remap(BASE, PAGE, 0, 0, 0));
            assertErrno(Errno.EFAULT, () -> memory.remap(BASE + (1L << 30), PAGE, 2 * PAGE, 0, 0));
            assertErrno(Errno.EFAULT, () -> memory.remap(BASE, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0));
            assertErrno(Errno.EINVAL,
                    () -> memory.remap(BASE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + PAGE));
            assertErrno(Errno.EINVAL, () -> memory.remap(BASE, 0, PAGE, MREMAP_MAYMOVE, 0));
        }

        @Test
        void dontUnmapLeavesAnEmptyMappingBehind() throws ErrnoException {
            mapAt(0, 2, RW);
            guest.store(BASE, (byte) 9);
            long moved = memory.remap(BASE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
            assertEquals(9, guest.load(moved));
            assertEquals(0, guest.load(BASE));
        }

        @Test
        void lengthZeroDuplicatesASharedMapping() throws ErrnoException {
            long shared = memory.map(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
            long copy = memory.remap(shared, 0, 2 * PAGE, MREMAP_MAYMOVE, 0);
            guest.store(shared + 5, (byte) 3);
            assertEquals(3, guest.load(copy + 5));
        }
    }

    @Nested
    class RemapFilePages {
        private static final int COUNT = 8;

        private void mapShared(long page, long count) throws ErrnoException {
            memory.map(BASE + page * PAGE, count * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, null, 0);
            for (long i = 0; i < count; i++) {
                guest.store(BASE + (page + i) * PAGE, (byte) (page + i));
            }
        }

        private void remap(long page, long count, long filePage) throws ErrnoException {
            memory.remapFilePages(BASE + page * PAGE, count * PAGE, 0, filePage, 0);
        }

        @Test
        void reversesThePagesOfASharedMapping() throws ErrnoException {
            mapShared(0, COUNT);
            for (int i = 0; i < COUNT; i++) {
                remap(i, 1, COUNT - 1 - i);
            }
            for (int i = 0; i < COUNT; i++) {
                assertEquals(COUNT - 1 - i, guest.load(BASE + i * PAGE));
            }
            assertEquals(COUNT, around().size());
            remap(0, COUNT, 0);
            for (int i = 0; i < COUNT; i++) {
                assertEquals(i, guest.load(BASE + i * PAGE));
            }
            assertEquals(1, around().size());
        }

        @Test
        void onePageAtTwoPlacesIsOnePage() throws ErrnoException {
            mapShared(0, COUNT);
            remap(3, 1, 5);
            guest.store(BASE + 3 * PAGE, (byte) 77);
            assertEquals(77, guest.load(BASE + 5 * PAGE));
        }

        @Test
        void addressAndSizeAreRoundedDown() throws ErrnoException {
            mapShared(0, COUNT);
            memory.remapFilePages(BASE + PAGE + 5, 2 * PAGE - 1, 0, 6, MAP_NONBLOCK);
            assertEquals(6, guest.load(BASE + PAGE));
            assertEquals(2, guest.load(BASE + 2 * PAGE));
        }

        @Test
        void takesOnlySharedMappingsOfOneFileWithoutHoles() throws ErrnoException {
            mapAt(0, 1, RW);
            mapShared(1, 2);
            mapShared(3, 2);
            assertErrno(Errno.EINVAL, () -> remap(0, 1, 0));
            assertErrno(Errno.EINVAL, () -> remap(1, 3, 0));
            assertErrno(Errno.EINVAL, () -> remap(3, 3, 0));
            assertErrno(Errno.EINVAL, () -> remap(100, 1, 0));
            memory.protect(BASE + 2 * PAGE, PAGE, PROT_READ);
            assertErrno(Errno.EINVAL, () -> remap(1, 2, 0));
            remap(1, 1, 1);
            assertEquals(2, guest.load(BASE + PAGE));
        }

        @Test
        void checksInTheOrderOfLinux() throws ErrnoException {
            mapShared(0, COUNT);
            assertErrno(Errno.EINVAL, () -> memory.remapFilePages(BASE, PAGE, PROT_READ, 0, 0));
            assertErrno(Errno.EINVAL, () -> memory.remapFilePages(BASE, PAGE - 1, 0, 0, 0));
            assertErrno(Errno.EINVAL, () -> memory.remapFilePages(-PAGE, PAGE, 0, 0, 0));
            assertErrno(Errno.EINVAL, () -> memory.remapFilePages(-PAGE, PAGE / 2, 0, 0, 0));
            assertErrno(Errno.EINVAL, () -> remap(0, 1, -1));
            assertErrno(Errno.EOVERFLOW, () -> remap(0, 1, -2));
            assertErrno(Errno.EOVERFLOW, () -> remap(0, 1, 1L << 51));
            assertEquals(0, guest.load(BASE));
            memory.seal(BASE, PAGE);
            assertErrno(Errno.EPERM, () -> remap(0, 1, 3));
            assertEquals(0, guest.load(BASE));
        }
    }

    @Nested
    class Advice {
        @Test
        void dontNeedDropsAndWipeOnForkIsForPrivateMemoryOnly() throws ErrnoException {
            mapAt(0, 2, RW);
            guest.store(BASE, (byte) 9);
            memory.advise(BASE, PAGE, MADV_DONTNEED);
            assertEquals(0, guest.load(BASE));
            long shared = memory.map(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
            assertErrno(Errno.EINVAL, () -> memory.advise(shared, PAGE, MADV_WIPEONFORK));
            assertErrno(Errno.EINVAL, () -> memory.advise(shared, PAGE, MADV_FREE));
            assertErrno(Errno.EINVAL, () -> memory.advise(BASE, PAGE, 77));
            assertErrno(Errno.EINVAL, () -> memory.advise(BASE + 1, PAGE, MADV_NORMAL));
            assertErrno(Errno.ENOMEM, () -> memory.advise(BASE, 3 * PAGE, MADV_NORMAL));
        }

        @Test
        void removeFreesSharedMemory() throws ErrnoException {
            long shared = memory.map(0, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
            guest.store(shared, (byte) 1);
            memory.advise(shared, PAGE, MADV_REMOVE);
            assertEquals(0, guest.load(shared));
        }

        @Test
        void forkFollowsTheAdvice() throws ErrnoException {
            mapAt(0, 1, RW);
            mapAt(10, 1, RW);
            mapAt(20, 1, RW);
            for (int page : new int[] {0, 10, 20}) {
                guest.store(BASE + page * PAGE, (byte) 5);
            }
            memory.advise(BASE, PAGE, MADV_DONTFORK);
            memory.advise(BASE + 10 * PAGE, PAGE, MADV_WIPEONFORK);
            MemoryManager child = memory.fork(FakePlatform.idleContext());
            FakePlatform.Guest childGuest = platform.new Guest(child);
            assertEquals(MemoryModel.MAPERR, childGuest.load(BASE));
            assertEquals(0, childGuest.load(BASE + 10 * PAGE));
            assertEquals(5, childGuest.load(BASE + 20 * PAGE));
            childGuest.store(BASE + 20 * PAGE, (byte) 6);
            assertEquals(5, guest.load(BASE + 20 * PAGE));
            child.close();
        }
    }

    @Nested
    class Locking {
        @Test
        void theLimitIsEnomemForMlockAndEagainForMmap() throws ErrnoException {
            mapAt(0, 32, RW);
            memory.lock(BASE, 16 * PAGE, false);
            memory.lock(BASE, 16 * PAGE, false); // counts once
            assertErrno(Errno.ENOMEM, () -> memory.lock(BASE + 16 * PAGE, PAGE, false));
            assertErrno(Errno.EAGAIN, () -> memory.map(0, PAGE, RW, ANON | MAP_LOCKED, null, 0));
            assertErrno(Errno.EINVAL, () -> memory.advise(BASE, PAGE, MADV_DONTNEED));
            assertEquals(16, memory.usage().locked());
            memory.unlock(BASE, 16 * PAGE);
            assertEquals(0, memory.usage().locked());
            lockLimit = 0;
            assertErrno(Errno.EPERM, () -> memory.lock(BASE, PAGE, false));
        }

        @Test
        void unmappedMemoryIsEnomem() {
            assertErrno(Errno.ENOMEM, () -> memory.lock(BASE, PAGE, false));
            assertErrno(Errno.ENOMEM, () -> memory.sync(BASE, PAGE, MS_SYNC));
            assertErrno(Errno.EINVAL, () -> memory.sync(BASE, PAGE, MS_SYNC | MS_ASYNC));
            assertErrno(Errno.ENOMEM, () -> memory.residency(BASE, 1, new byte[1]));
        }
    }

    @Nested
    class Brk {
        @Test
        void movesTheEndOfTheHeap() throws ErrnoException {
            memory.layout().brkStart = BASE;
            memory.layout().brkEnd = BASE;
            assertEquals(BASE, memory.brk(0));
            assertEquals(BASE + 10000, memory.brk(BASE + 10000));
            assertEquals(0, guest.store(BASE + 9999, (byte) 1));
            assertEquals("[heap]", around().get(0).label());
            mapAt(10, 1, RW);
            assertEquals(BASE + 10000, memory.brk(BASE + 20 * PAGE), "not through another mapping");
            assertEquals(BASE, memory.brk(BASE));
            assertEquals(MemoryModel.MAPERR, guest.load(BASE));
        }
    }

    @Nested
    class KernelAccess {
        @Test
        void stringsEndAtTheirNulEvenAcrossPages() throws ErrnoException {
            mapAt(0, 2, RW);
            byte[] text = "caf\u00e9 au lait".getBytes(StandardCharsets.ISO_8859_1);
            memory.copyOut(BASE + PAGE - 3, text);
            assertEquals("caf\u00e9 au lait", memory.readString(BASE + PAGE - 3, 4096));
            assertEquals(text.length, memory.stringLength(BASE + PAGE - 3, 4096));
            assertErrno(Errno.ENAMETOOLONG, () -> memory.readString(BASE + PAGE - 3, text.length));
            assertErrno(Errno.EFAULT, () -> memory.readString(BASE + 2 * PAGE, 10));
            memory.copyOut(BASE + 2 * PAGE - 2, new byte[] {'a', 'b'});
            assertErrno(Errno.EFAULT, () -> memory.readString(BASE + 2 * PAGE - 2, 10));
        }

        @Test
        void stringsOfEveryLengthAreRead() throws ErrnoException {
            mapAt(0, 1, RW);
            for (int length : new int[] {0, 1, 254, 255, 256, 257, 600}) {
                memory.copyOut(BASE, ("a".repeat(length) + "\0b").getBytes(StandardCharsets.ISO_8859_1));
                assertEquals("a".repeat(length), memory.readString(BASE, length + 1));
                assertErrno(Errno.ENAMETOOLONG, () -> memory.readString(BASE, length));
            }
        }

        @Test
        void badAddressesAreEfault() throws ErrnoException {
            mapAt(0, 1, RW);
            assertErrno(Errno.EFAULT, () -> memory.readLong(0));
            assertErrno(Errno.EFAULT, () -> memory.readLong(-8));
            assertErrno(Errno.EFAULT, () -> memory.readLong(0xffff_8000_0000_0000L));
            assertErrno(Errno.EFAULT, () -> memory.readLong(BASE + PAGE - 4));
            assertErrno(Errno.EFAULT, () -> memory.buffer(-1, 10, true));
            assertErrno(Errno.EFAULT, () -> memory.buffer(BASE, -1, true));
            assertErrno(Errno.EINVAL, () -> memory.buffers(BASE, 1025, true));
        }

        @Test
        void valuesMayCrossPages() throws ErrnoException {
            mapAt(0, 2, RW);
            memory.writeLong(BASE + PAGE - 3, 0x1122334455667788L);
            assertEquals(0x1122334455667788L, memory.readLong(BASE + PAGE - 3));
        }

        @Test
        void debuggersWriteToReadOnlyPrivatePages() throws ErrnoException {
            mapAt(0, 1, PROT_READ);
            memory.forceCopyOut(BASE, java.lang.foreign.MemorySegment.ofArray(new byte[] {(byte) 0xcc}), 0, 1);
            assertEquals(0xcc, guest.load(BASE));
        }

        @Test
        void futexWordsAreComparedAndSet() throws ErrnoException {
            mapAt(0, 1, RW);
            assertEquals(0, memory.compareAndExchangeInt(BASE, 0, 5));
            assertEquals(5, memory.compareAndExchangeInt(BASE, 0, 6));
            assertEquals(5, memory.loadInt(BASE));
            assertErrno(Errno.EINVAL, () -> memory.loadInt(BASE + 2));
        }

        @Test
        void futexKeysOfSharedMemoryAreThoseOfTheMemory() throws ErrnoException {
            long shared = memory.map(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
            MemoryManager child = memory.fork(null);
            assertEquals(memory.futexKey(shared + 8, true), child.futexKey(shared + 8, true));
            assertTrue(!memory.futexKey(shared + 8, false).equals(child.futexKey(shared + 8, false)));
            child.close();
        }
    }

    @Test
    void anEmptyMemoryFileMakesFaultsReportIt() throws ErrnoException {
        mapAt(0, 64, RW);
        frames.limitBytes(frames.usedBytes() + 2 * PAGE);
        assertEquals(0, guest.store(BASE, (byte) 1));
        assertEquals(0, guest.store(BASE + 20 * PAGE, (byte) 1));
        assertSame(FaultOutcome.OUT_OF_MEMORY, memory.handleFault(BASE + 40 * PAGE, AccessType.WRITE, false));
    }

    @Test
    void sequentialFaultsTakeLargerSteps() throws ErrnoException {
        mapAt(0, 2048, RW);
        for (int page = 0; page < 2048; page++) {
            guest.store(BASE + page * PAGE, (byte) 1);
        }
        assertTrue(memory.minorFaults() < 16, "faults: " + memory.minorFaults());
    }
}
