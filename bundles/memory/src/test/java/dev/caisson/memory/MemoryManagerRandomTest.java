package dev.caisson.memory;

import static dev.caisson.abi.Mman.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.platform.Capability;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random operations on a few processes and files, compared byte by byte with {@link MemoryModel}. */
class MemoryManagerRandomTest {
    private static final long BASE = 0x10_0000_0000L;
    private static final int SPAN = 96;
    private static final int FILE_PAGES = 24;

    private Random random;
    private FakePlatform platform;
    private MemoryFile frames;
    private final List<Process> processes = new ArrayList<>();
    private final List<TestFile> files = new ArrayList<>();

    /** A process: the real one and its model. */
    private final class Process {
        final MemoryManager memory;
        final FakePlatform.Guest guest;
        final MemoryModel model;

        Process(MemoryManager memory, MemoryModel model) {
            this.memory = memory;
            this.guest = platform.new Guest(memory);
            this.model = model;
        }
    }

    /** A file: what is mapped and its model. */
    private static final class TestFile implements MappedFile, PageSource {
        final MemoryModel.Store store = new MemoryModel.Store();
        byte[] disk = new byte[(FILE_PAGES + 8) * Pages.SIZE];
        long diskSize;
        PageCache cache;
        AnonymousMemory memory;

        @Override
        public Mappable mappable() {
            return cache != null ? cache : memory;
        }

        @Override
        public int allowedProtection() {
            return 7;
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

        @Override
        public long read(long offset, MemorySegment target) {
            long count = Math.max(0, Math.min(target.byteSize(), diskSize - offset));
            MemorySegment.copy(MemorySegment.ofArray(disk), offset, target, 0, count);
            return count;
        }

        @Override
        public void write(long offset, MemorySegment source) {
            MemorySegment.copy(source, 0, MemorySegment.ofArray(disk), offset, source.byteSize());
            diskSize = Math.max(diskSize, offset + source.byteSize());
        }

        @Override
        public long sizeBytes() {
            return diskSize;
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
    void behavesAsTheModel(long seed) throws ErrnoException {
        random = new Random(seed);
        platform = switch ((int) (seed % 6)) {
            case 0 -> new FakePlatform();
            case 1 -> new FakePlatform(Capability.INHERITS_MAPPINGS);
            case 2 -> new FakePlatform(Capability.EXACT_ACCESS_TYPE);
            case 3 -> new FakePlatform(Capability.REUSES_SPACES);
            case 4 -> new FakePlatform(Capability.REUSES_SPACES, Capability.INHERITS_MAPPINGS, Capability.EXACT_ACCESS_TYPE);
            default -> new FakePlatform(Capability.INHERITS_MAPPINGS, Capability.EXACT_ACCESS_TYPE);
        };
        frames = new MemoryFile(HostBacking.ofPlainMemory(64L << 20), 0);
        for (int i = 0; i < 3; i++) {
            TestFile file = new TestFile();
            if (i < 2) {
                file.cache = new PageCache(frames, file, i == 0 ? PageCache.WritePolicy.THROUGH : PageCache.WritePolicy.BACK, file);
            } else {
                file.memory = new AnonymousMemory(frames, PageBudget.UNLIMITED, file);
            }
            files.add(file);
        }
        processes.add(new Process(new MemoryManager(frames, platform), new MemoryModel()));
        processes.get(0).memory.copyOnlyWhatIsWritten();
        for (int step = 0; step < 4000; step++) {
            Process process = processes.get(random.nextInt(processes.size()));
            try {
                step(process);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + " step " + step + ": " + e.getMessage(), e);
            }
        }
        for (Process process : processes) {
            compareAll(process);
            process.memory.close();
        }
        for (TestFile file : files) {
            if (file.cache != null) {
                file.cache.close();
            } else {
                file.memory.close();
            }
        }
        assertEquals(0, frames.usedBytes(), "all frames were given back");
    }

    private void step(Process process) throws ErrnoException {
        int what = random.nextInt(100);
        if (what < 45) {
            access(process);
        } else if (what < 60) {
            kernelAccess(process);
        } else if (what < 68) {
            map(process);
        } else if (what < 72) {
            unmap(process);
        } else if (what < 79) {
            protect(process);
        } else if (what < 83) {
            drop(process);
        } else if (what < 88) {
            move(process);
        } else if (what < 90) {
            fork(process);
        } else if (what < 96) {
            fileAccess();
        } else if (what < 98) {
            truncate();
        } else if (what < 99) {
            if (random.nextInt(5) == 0) {
                process.memory.switchPlatform(platform);
            }
        } else {
            compareAll(process);
        }
    }

    private long randomAddress() {
        return BASE + random.nextInt(SPAN * Pages.SIZE);
    }

    private void access(Process process) throws ErrnoException {
        long address = randomAddress();
        boolean write = random.nextBoolean();
        byte value = (byte) random.nextInt();
        byte[] page = process.model.reach(address, write);
        int expected = page == null ? process.model.error : write ? 0 : page[(int) (address & Pages.MASK)] & 0xff;
        int got = write ? process.guest.store(address, value) : process.guest.load(address);
        if (write && expected == MemoryModel.ACCERR && got == MemoryModel.BUS
                && !platform.capabilities().contains(Capability.EXACT_ACCESS_TYPE)) {
            return; // A store that no platform told from a load, to a page that is neither writable nor there.
        }
        assertEquals(expected, got, (write ? "store " : "load ") + Long.toHexString(address));
        if (page != null && write) {
            page[(int) (address & Pages.MASK)] = value;
        }
    }

    private void kernelAccess(Process process) {
        long address = randomAddress();
        int length = random.nextInt(4) == 0 ? random.nextInt(6 * Pages.SIZE) : 1 + random.nextInt(64);
        boolean write = random.nextBoolean();
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        int expected = 0;
        byte[] wanted = new byte[length];
        while (expected < length) {
            byte[] page = process.model.reach(address + expected, write);
            if (page == null) {
                break;
            }
            int inPage = (int) (address + expected & Pages.MASK);
            int part = Math.min(length - expected, Pages.SIZE - inPage);
            System.arraycopy(page, inPage, wanted, expected, part);
            if (write) {
                System.arraycopy(bytes, expected, page, inPage, part);
            }
            expected += part;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment local = arena.allocate(Math.max(1, length));
            long done;
            try {
                IoBuffer buffer = process.memory.buffer(address, length, write);
                if (write) {
                    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, local, 0, length);
                    done = buffer.put(local, 0, length);
                } else {
                    done = buffer.get(local, 0, length);
                }
            } catch (ErrnoException e) {
                done = 0;
            }
            assertEquals(expected, done, "kernel " + (write ? "write " : "read ") + Long.toHexString(address) + "+" + length);
            if (!write) {
                assertSame(wanted, local, expected);
            }
        }
    }

    private void map(Process process) throws ErrnoException {
        int first = random.nextInt(SPAN);
        int count = 1 + random.nextInt(Math.min(20, SPAN - first));
        int protection = new int[] {0, 1, 3, 3, 3, 3, 5, 2}[random.nextInt(8)];
        boolean shared = random.nextInt(3) == 0;
        TestFile file = random.nextBoolean() ? files.get(random.nextInt(files.size())) : null;
        int offset = file == null ? 0 : random.nextInt(FILE_PAGES);
        long address = BASE + ((long) first << Pages.SHIFT);
        boolean populate = random.nextInt(8) == 0;
        process.memory.map(address, (long) count << Pages.SHIFT, protection,
                MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (file == null ? MAP_ANONYMOUS : 0)
                        | (populate ? MAP_POPULATE : 0),
                file, (long) offset << Pages.SHIFT);
        MemoryModel.Store store = file != null ? file.store : null;
        if (file == null && shared) {
            store = new MemoryModel.Store();
            store.size = (long) count << Pages.SHIFT;
        }
        for (int i = 0; i < count; i++) {
            MemoryModel.Page page = new MemoryModel.Page();
            page.protection = protection;
            page.shared = shared;
            page.store = store;
            page.index = offset + i;
            process.model.pages.put((address >>> Pages.SHIFT) + i, page);
        }
        for (int i = 0; i < count && populate && !shared && (protection & PROT_WRITE) != 0; i++) {
            if (process.model.reach(address + ((long) i << Pages.SHIFT), true) == null) { // As Linux, copies at once.
                break;
            }
        }
    }

    private void unmap(Process process) throws ErrnoException {
        int first = random.nextInt(SPAN);
        int count = 1 + random.nextInt(Math.min(12, SPAN - first));
        long page = (BASE >>> Pages.SHIFT) + first;
        process.memory.unmap(page << Pages.SHIFT, (long) count << Pages.SHIFT);
        process.model.pages.subMap(page, page + count).clear();
    }

    private void protect(Process process) throws ErrnoException {
        int first = random.nextInt(SPAN);
        int count = 1 + random.nextInt(Math.min(12, SPAN - first));
        long page = (BASE >>> Pages.SHIFT) + first;
        int protection = new int[] {0, 1, 3, 3, 5, 7}[random.nextInt(6)];
        boolean failed = false;
        try {
            process.memory.protect(page << Pages.SHIFT, (long) count << Pages.SHIFT, protection);
        } catch (ErrnoException gap) {
            failed = true;
        }
        int i = 0;
        while (i < count && process.model.pages.containsKey(page + i)) {
            process.model.pages.get(page + i).protection = protection;
            i++;
        }
        assertEquals(i < count, failed, "mprotect over a gap");
    }

    private void drop(Process process) {
        int first = random.nextInt(SPAN);
        int count = 1 + random.nextInt(Math.min(12, SPAN - first));
        long page = (BASE >>> Pages.SHIFT) + first;
        try {
            process.memory.advise(page << Pages.SHIFT, (long) count << Pages.SHIFT, MADV_DONTNEED);
        } catch (ErrnoException gap) {
            // The rest is dropped all the same.
        }
        process.model.pages.subMap(page, page + count).values().forEach(p -> p.own = null);
    }

    private void move(Process process) {
        if (process.model.pages.isEmpty()) {
            return;
        }
        long page = (BASE >>> Pages.SHIFT) + random.nextInt(SPAN);
        int oldCount = 1 + random.nextInt(6);
        int newCount = 1 + random.nextInt(8);
        long target = (BASE >>> Pages.SHIFT) + random.nextInt(SPAN - 8);
        boolean growOnly = random.nextInt(3) == 0;
        try {
            if (growOnly) {
                process.memory.remap(page << Pages.SHIFT, (long) oldCount << Pages.SHIFT, (long) newCount << Pages.SHIFT, 0, 0);
                target = page;
            } else {
                process.memory.remap(page << Pages.SHIFT, (long) oldCount << Pages.SHIFT, (long) newCount << Pages.SHIFT,
                        MREMAP_MAYMOVE | MREMAP_FIXED, target << Pages.SHIFT);
            }
        } catch (ErrnoException refused) {
            resync(process);
            return;
        }
        List<MemoryModel.Page> moved = new ArrayList<>();
        for (int i = 0; i < oldCount; i++) {
            MemoryModel.Page old = process.model.pages.remove(page + i);
            if (i < newCount) {
                moved.add(old); // null in a gap, which shrinking does not mind
            }
        }
        for (int i = 0; i < newCount; i++) {
            process.model.pages.remove(target + i);
            if (i < moved.size()) {
                if (moved.get(i) != null) {
                    process.model.pages.put(target + i, moved.get(i));
                }
            } else {
                MemoryModel.Page first = moved.get(0);
                MemoryModel.Page more = new MemoryModel.Page();
                more.protection = first.protection;
                more.shared = first.shared;
                more.store = first.store;
                more.index = first.index + i;
                process.model.pages.put(target + i, more);
            }
        }
    }

    /** A refused mremap may have unmapped its target or tail, as on Linux: the model follows what is mapped. */
    private void resync(Process process) {
        process.model.pages.keySet().removeIf(page -> !process.memory.isMapped(page << Pages.SHIFT, Pages.SIZE));
    }

    private void fork(Process process) throws ErrnoException {
        if (processes.size() >= 4) {
            Process victim = processes.remove(random.nextInt(processes.size()));
            victim.memory.close();
            if (victim == process) {
                return;
            }
        }
        boolean withContext = random.nextBoolean();
        MemoryManager child = process.memory.fork(withContext ? FakePlatform.idleContext() : null);
        processes.add(new Process(child, process.model.fork()));
    }

    private static void assertSame(byte[] expected, MemorySegment got, int length) {
        long difference = MemorySegment.mismatch(MemorySegment.ofArray(expected), 0, length, got, 0, length);
        assertEquals(-1, difference, "first byte that differs");
    }

    private void fileAccess() throws ErrnoException {
        TestFile file = files.get(random.nextInt(files.size()));
        long position = random.nextInt(FILE_PAGES * Pages.SIZE);
        int length = random.nextInt(3) == 0 ? random.nextInt(5 * Pages.SIZE) : random.nextInt(100);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment local = arena.allocate(Math.max(1, length));
            IoBuffer buffer = IoBuffer.of(local.asSlice(0, length));
            if (random.nextBoolean()) {
                byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, local, 0, length);
                long done = file.cache != null ? file.cache.write(buffer, position) : file.memory.write(buffer, position);
                assertEquals(length, done);
                file.store.write(position, bytes);
                if (length > 0) {
                    file.store.size = Math.max(file.store.size, position + length);
                }
            } else {
                long done = file.cache != null ? file.cache.read(buffer, position) : file.memory.read(buffer, position);
                assertEquals(Math.max(0, Math.min(length, file.store.size - position)), done, "read length");
                assertSame(file.store.read(position, (int) done), local, (int) done);
            }
        }
    }

    private void truncate() throws ErrnoException {
        TestFile file = files.get(random.nextInt(files.size()));
        long size = random.nextInt(FILE_PAGES * Pages.SIZE);
        if (file.cache != null && random.nextBoolean()) {
            file.cache.writeBack();
            file.cache.evict();
            if (random.nextBoolean()) {
                file.cache.invalidate(0, Long.MAX_VALUE);
            }
        }
        // Bytes behind the end in the last page can be written by a mapping; growing again would show them on some filesystems.
        boolean grows = size > file.store.size;
        if (grows) {
            return;
        }
        file.store.resize(size);
        if (file.cache != null) {
            file.diskSize = Math.min(file.diskSize, size);
            java.util.Arrays.fill(file.disk, (int) size, file.disk.length, (byte) 0);
            file.cache.resize(size);
        } else {
            file.memory.resize(size);
        }
        processes.forEach(p -> p.model.truncated(file.store));
    }

    private void compareAll(Process process) throws ErrnoException {
        for (int page = 0; page < SPAN; page++) {
            long address = BASE + ((long) page << Pages.SHIFT) + random.nextInt(Pages.SIZE);
            byte[] content = process.model.reach(address, false);
            int expected = content == null ? process.model.error : content[(int) (address & Pages.MASK)] & 0xff;
            int got = process.guest.load(address);
            assertEquals(expected, got, "load " + Long.toHexString(address));
        }
        long mapped = process.memory.mappings().stream().mapToLong(v -> v.end() - v.start() >>> Pages.SHIFT).sum();
        assertEquals(mapped, process.memory.usage().size(), "accounting");
        assertTrue(process.model.pages.size() <= mapped);
    }
}
